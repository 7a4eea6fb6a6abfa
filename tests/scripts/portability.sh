#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Builds the library for every other ABI that this machine has a compiler for,
# runs a program with it where it can, and says what it skipped. Called by hand
# and by CI, not by make check. Needs ./configure to be there.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
warnings='-Wall -Wextra -Wpedantic -Werror'
time64='-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64'

# must COMMAND...: silently, or say what it said.
must() {
	if "$@" >"$dir/log" 2>&1; then
		return 0
	fi
	fail "$*"
	tail -n 20 "$dir/log"
	return 1
}

# build CC FLAGS [OPTION]: into $dir/build
build() {
	built="CC=$1 CPPFLAGS=$2"
	rm -rf "$dir/build"
	mkdir "$dir/build" && cd "$dir/build" || exit 99
	must "$source/configure" --disable-tests --enable-werror CC="$1" \
		CPPFLAGS="$2" ${3:+"$3"} && must make
}

# run CC FLAGS: the program, with the static and the shared library just built
run() {
	for library in lib/.libs/libkaio.a '-Llib/.libs -lkaio'; do
		# shellcheck disable=SC2086 # words
		must $1 $2 -std=gnu11 $warnings -I"$source/include" \
			-o portability "$source/tests/scripts/portability.c" \
			$library || continue
		must env LD_LIBRARY_PATH=lib/.libs ./portability &&
			echo "PASS: $built, $1 $2 $library: $(cat "$dir/log")"
	done
}

# toolchain CC: build and run, where an empty program can be
toolchain() {
	echo 'int main(void) { return 0; }' >"$dir/empty.c"
	if ! $1 -o "$dir/empty" "$dir/empty.c" 2>/dev/null; then
		skip "$1 cannot compile"
		return
	fi
	if ! "$dir/empty" 2>/dev/null; then
		skip "what $1 compiles does not run here; built only"
		build "$1" '' --host="$($1 -dumpmachine)" &&
			echo "PASS: $1: builds"
		return
	fi
	build "$1" '' && run "$1" ''
	case $1 in
	*-m32)
		run "$1" "$time64"
		build "$1" "$time64" && run "$1" '' && run "$1" "$time64"
		build "$1" "-include $dir/time64-only.h" && run "$1" "$time64"
		;;
	esac
}

# What architectures that are younger than the year 2038 problem have.
cat >"$dir/time64-only.h" <<'END'
#include <sys/syscall.h>
#undef SYS_io_getevents
#undef SYS_io_pgetevents
END

for cc in 'gcc -m32' 'clang -m32' 'gcc -mx32' musl-gcc clang; do
	toolchain "$cc"
done

# check CC...: the sources compile without a warning, and the structures are
# those of the target's <linux/aio_abi.h>
check() {
	for file in "$source"/lib/*.c "$source"/lib/*/*.c "$source/tests/abi/abi-layout.c"; do
		# shellcheck disable=SC2086
		must "$@" -std=gnu11 $warnings -D_GNU_SOURCE -fsyntax-only \
			-I"$source/include" -I"$source/lib" \
			-I"$source/tests/harness" -idirafter "$dir/check" "$file" ||
			return
	done
	echo "PASS: $*: compiles"
}

# The layout test includes this, and nothing of it is linked.
mkdir "$dir/check" && cp /usr/include/check*.h "$dir/check/" 2>/dev/null

for target in aarch64-linux-gnu arm-linux-gnueabihf loongarch64-linux-gnu \
	mips64el-linux-gnuabi64 powerpc-linux-gnu powerpc64-linux-gnu \
	powerpc64le-linux-gnu riscv64-linux-gnu s390x-linux-gnu; do
	if command -v "$target-gcc" >/dev/null; then
		check "$target-gcc"
	elif ! command -v clang >/dev/null; then
		skip "$target: neither $target-gcc nor clang"
	elif ! [ -d "/usr/$target/include/linux" ]; then
		skip "$target: no headers in /usr/$target/include"
	else
		check clang "--target=$target" -nostdlibinc \
			-isystem "/usr/$target/include"
	fi
done

[ "$failed" -eq 0 ] || exit 1
