#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# The tests of examples/python/kaio.py, on the library just built: with the ring
# and without it. Arguments are those of python3 -m unittest: test_blocks, say.
set -eu

skip() {
	echo "SKIP: $*"
	exit 77
}

tests=$(cd "${srcdir:-.}/tests/python" && pwd)
KAIO_LIBRARY=$PWD/lib/.libs/libkaio.so
PYTHONDONTWRITEBYTECODE=1 # the sources may be read-only
PYTHONPATH=$tests
export KAIO_LIBRARY PYTHONDONTWRITEBYTECODE PYTHONPATH

command -v python3 >/dev/null || skip "python3 is not installed"
python3 -c 'import ctypes, sys; sys.exit(sys.version_info < (3, 8))' ||
	skip "python3 is older than 3.8, or has no ctypes"
[ -e "$KAIO_LIBRARY" ] || skip "libkaio.so was not built"
python3 -c 'import ctypes, os; ctypes.CDLL(os.environ["KAIO_LIBRARY"])' ||
	skip "libkaio.so was not built for this python3"

[ $# -gt 0 ] || set -- discover -s "$tests"
KAIO_NO_RING=0 python3 -m unittest "$@"
KAIO_NO_RING=1 python3 -m unittest "$@"
