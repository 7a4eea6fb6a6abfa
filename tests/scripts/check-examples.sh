#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Compiles every example of the manual and the first one of README.md; those
# that are programs are linked and run too, without arguments, in a folder with
# the file that kaio-tutorial(7) says how to make. Each is a whole file. Runs from
# the build directory.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
CC=$(setting CC)
CPPFLAGS=$(setting CPPFLAGS)
CFLAGS=$(setting CFLAGS)
LDFLAGS=$(setting LDFLAGS)
LIBS=$(setting PTHREAD_LIBS)
builddir=$PWD

# Each literal block of EXAMPLES becomes a file: page.1.c, page.2.c, ...; one
# that is indented is what the program before it prints: page.1.out.
extract_from_manual() # page
{
	awk -v stem="$dir/$(basename "$1")" '
	/^\.Sh / { here = $2 == "EXAMPLES" }
	here && /^\.Bd -literal$/ { file = stem "." ++n ".c"; next }
	here && /^\.Bd -literal -offset indent$/ {
		file = stem "." n ".out"
		next
	}
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

run() # name
{
	if [ -e "$dir/$1.out" ] && ! "$direct"; then
		skip "$1: there is no O_DIRECT here"
		return
	fi
	(cd "$dir" && ./program >program.out 2>&1) ||
		fail "$1: fails: $(cat "$dir/program.out")"
	[ ! -e "$dir/$1.out" ] || cmp "$dir/program.out" "$dir/$1.out" ||
		fail "$1: prints $(cat "$dir/program.out")"
}

# shellcheck disable=SC2086 # the settings are lists of words
check() # file
{
	name=$(basename "$1" .c)
	include=$source/include
	library=$builddir/lib/.libs/libkaio-objects.a
	if grep -q '^#include <libaio.h>' "$1"; then
		include=$source/include/kaio-libaio
		library=$builddir/lib/kaio-libaio/libaio.a
	fi
	if ! $CC -I"$include" $CPPFLAGS $CFLAGS -Wall -Wextra -Werror \
		-fsyntax-only "$1"; then
		fail "$name: does not compile"
	elif grep -q '^int main(' "$1"; then
		$CC -I"$include" $CPPFLAGS $CFLAGS $LDFLAGS \
			-o "$dir/program" "$1" "$library" $LIBS ||
			fail "$name: does not link"
		run "$name"
		rm -f "$dir/program"
	fi
}

for page in "$source"/man/*.[37]; do
	extract_from_manual "$page"
	if grep -q '^\.Sh EXAMPLES' "$page"; then
		[ -e "$dir/$(basename "$page").1.c" ] ||
			fail "$(basename "$page"): EXAMPLES has no example"
	fi
done
block c '#include <kaio.h>' >"$dir/README.md.c"
[ -s "$dir/README.md.c" ] || fail "README.md has no program"

# What the programs of the tutorial read, by its own command.
tutorial=$source/man/kaio-tutorial.7
command=$(sed -n 's/^\.Dl \(head .*\)/\1/p' "$tutorial")
(cd "$dir" && sh -euc "$command") || fail "kaio-tutorial.7: $command"
direct=true
dd if="$dir/data" iflag=direct bs=4096 count=1 of="$dir/block" 2>"$dir/dd" ||
	direct=false

checked=0
for file in "$dir"/*.c; do
	check "$file"
	checked=$((checked + 1))
done
echo "$checked examples, $failed failures"
[ "$failed" = 0 ]
