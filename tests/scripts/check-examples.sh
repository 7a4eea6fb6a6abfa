#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Compiles every example of the manual and the first one of README.md; those
# that are programs are linked and run too, without arguments. Each is a whole
# file. Runs from the build directory.
set -u

builddir=$(pwd)
srcdir=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd) || exit 99
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
failed=0

# What configure chose, unless make or the caller says otherwise.
setting() # variable
{
	sed -n "s/^$1 = //p" "$builddir/Makefile"
}
CC=${CC:-$(setting CC)}
CPPFLAGS=${CPPFLAGS-$(setting CPPFLAGS)}
CFLAGS=${CFLAGS-$(setting CFLAGS)}
LDFLAGS=${LDFLAGS-$(setting LDFLAGS)}

# Each literal block of EXAMPLES becomes a file: page.1.c, page.2.c, ...
extract_from_manual() # page
{
	awk -v stem="$tmp/$(basename "$1")" '
	/^\.Sh / { here = $2 == "EXAMPLES" }
	here && /^\.Bd -literal/ { file = stem "." ++n ".c"; next }
	/^\.Ed/ { file = "" }
	file != "" {
		gsub(/\\&/, "")
		gsub(/\\-/, "-")
		gsub(/\\\(aq/, "\047")
		gsub(/\\\(dq/, "\"")
		gsub(/\\e/, "\\")
		print >file
	}' "$1"
}

extract_from_readme()
{
	awk '/^```c$/ { here = 1; next }
	here && /^```/ { exit }
	here { print }' "$srcdir/README.md" >"$tmp/README.md.c"
	if [ ! -s "$tmp/README.md.c" ]; then
		echo "README.md has no example yet"
		rm "$tmp/README.md.c"
	fi
}

fail()
{
	echo "$*"
	failed=$((failed + 1))
}

# shellcheck disable=SC2086 # the settings are lists of words
check() # file
{
	name=$(basename "$1" .c)
	include=$srcdir/include
	library=$builddir/lib/.libs/libkaio-objects.a
	if grep -q '^#include <libaio.h>' "$1"; then
		include=$srcdir/include/kaio-libaio
		library=$builddir/lib/kaio-libaio/libaio.a
	fi
	if ! $CC -I"$include" $CPPFLAGS $CFLAGS -Wall -Wextra -Werror \
		-fsyntax-only "$1"; then
		fail "$name: does not compile"
	elif grep -q '^int main(' "$1"; then
		$CC -I"$include" $CPPFLAGS $CFLAGS $LDFLAGS \
			-o "$tmp/program" "$1" "$library" ||
			fail "$name: does not link"
		(cd "$tmp" && ./program >program.out 2>&1) ||
			fail "$name: fails: $(cat "$tmp/program.out")"
		rm -f "$tmp/program"
	fi
}

for page in "$srcdir"/man/*.[37]; do
	extract_from_manual "$page"
	if grep -q '^\.Sh EXAMPLES' "$page"; then
		[ -e "$tmp/$(basename "$page").1.c" ] ||
			fail "$(basename "$page"): EXAMPLES has no example"
	fi
done
extract_from_readme

checked=0
for file in "$tmp"/*.c; do
	check "$file"
	checked=$((checked + 1))
done
echo "$checked examples, $failed failures"
[ "$failed" = 0 ]
