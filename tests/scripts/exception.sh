#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# An exception of C++ leaves a callback through kaio_queue_run().
set -eu

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"

cxx=${CXX:-g++}
command -v "$cxx" >/dev/null || skip_all "there is no C++ compiler $cxx"
echo 'int main() { throw 1; }' >"$dir/empty.cc"
"$cxx" -o "$dir/empty" "$dir/empty.cc" || skip_all "$cxx does not link"
if [ -e lib/.libs/libkaio.so ]; then
	library=lib/.libs/libkaio.so
else
	library=lib/.libs/libkaio.a
fi
"$cxx" -Wall -Wextra -I"$source/include" -o "$dir/exception" \
	"$source/tests/queue/exception.cc" "$library" -pthread
LD_LIBRARY_PATH=lib/.libs "$dir/exception"
