#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Would the tests notice if the library were wrong? Makes small changes to lib/,
# one at a time and in a copy, builds what each concerns, and runs the tests of
# that layer until one fails. Prints those that no test noticed, and a table.
#
#   mutants.sh             all; hours
#   mutants.sh 300         so many of them, the same in each run
#   mutants.sh 300 op.c    those of them that match this regular expression
#
# A change that no test can notice has an entry in tests/mutants/equivalent.
set -u

# shellcheck source=tests/scripts/harness.sh
. "$(dirname "$0")/../scripts/harness.sh"

command -v python3 >/dev/null || skip_all 'python3 is not installed'
pkg-config --exists check || skip_all 'Check is not installed'
CC=${CC:-cc}
export CC
cp -r "$source/lib" "$source/include" "$source/tests" "$source/Makefile.am" \
	"$dir/" || exit 99
python3 -B "$source/tests/mutants/run.py" "$dir" "$source" "$@"
