#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Compares the <libaio.h> of the drop-in with libaio: the same sizes, offsets and
# constants for every architecture that has a compiler here, and the same
# bytes from every inline function where the program runs.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
theirs=${LIBAIO_H:-/usr/include/libaio.h}
file=$source/tests/scripts/libaio-layout.c

[ -e "$theirs" ] || skip_all "there is no $theirs to compare with"
mkdir "$dir/theirs" && cp "$theirs" "$dir/theirs/libaio.h" || exit 99
ours=$source/include/kaio-libaio

# same COMMAND...: compiles both ways, to the same constants
same() {
	for header in ours theirs; do
		include=$ours
		[ "$header" = ours ] || include=$dir/theirs
		if ! "$@" -std=gnu11 -I"$include" -S -o "$dir/$header.s" \
			"$file" 2>"$dir/log"; then
			fail "$*: does not compile with $include/libaio.h"
			cat "$dir/log"
			return 1
		fi
	done
	if ! cmp -s "$dir/ours.s" "$dir/theirs.s"; then
		fail "$*: not the same layout"
		diff "$dir/ours.s" "$dir/theirs.s"
		return 1
	fi
	echo "PASS: $*: the same layout"
}

# same_bytes COMMAND...: what the inline functions store, if the program runs
same_bytes() {
	for header in ours theirs; do
		include=$ours
		[ "$header" = ours ] || include=$dir/theirs
		if ! {
			"$@" -std=gnu11 -DPRINT -I"$include" \
				-o "$dir/program" "$file" &&
				"$dir/program" >"$dir/$header.out"
		} 2>"$dir/log"; then
			skip "$*: does not link and run here"
			return
		fi
	done
	if ! cmp -s "$dir/ours.out" "$dir/theirs.out"; then
		fail "$*: not the same bytes"
		diff "$dir/ours.out" "$dir/theirs.out"
		return
	fi
	echo "PASS: $*: the same bytes"
}

# compiles COMMAND...
compiles() {
	echo '#include <stdio.h>' >"$dir/empty.c"
	"$@" -fsyntax-only "$dir/empty.c" 2>/dev/null
}

native() {
	if ! command -v "$1" >/dev/null || ! compiles "$@"; then
		skip "$* cannot compile"
		return
	fi
	same "$@" && same_bytes "$@"
}

# shellcheck disable=SC2086 # CC may have flags
native ${CC:-cc}
time64='-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64'
for compiler in gcc clang; do
	native $compiler
	native $compiler -m32
	# shellcheck disable=SC2086 # words
	native $compiler -m32 $time64
	native $compiler -mx32
done

for target in aarch64-linux-gnu arm-linux-gnueabihf powerpc-linux-gnu \
	powerpc64le-linux-gnu powerpc64-linux-gnu riscv64-linux-gnu \
	s390x-linux-gnu mips-linux-gnu; do
	if command -v "$target-gcc" >/dev/null; then
		same "$target-gcc"
	elif ! command -v clang >/dev/null; then
		skip "$target: neither $target-gcc nor clang"
	elif ! [ -e "/usr/$target/include/stdio.h" ]; then
		skip "$target: no headers in /usr/$target/include"
	else
		same clang "--target=$target" -nostdlibinc \
			-isystem "/usr/$target/include"
	fi
done

[ "$failed" -eq 0 ] || exit 1
