#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Runs on other architectures, by qemu-user, what makes no call of the kernel's AIO,
# which that lacks: the corpus of tests/fuzz/ on its simulated kernel, which must do
# the same as here, call by call; and, with Check's source in $CHECK_SOURCE, the
# suites of tests/scripts/architectures.c. With arguments, on these alone. Called
# by hand and by CI, not by make check.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
changes=${CHANGES:-100}
flags="-std=gnu11 -O2 -D_GNU_SOURCE -I$source/include -I$source/lib"

# must COMMAND...: silently, or say what it said
must() {
	"$@" >"$dir/$name/log" 2>&1 && return
	fail "$name: $*"
	tail -n 20 "$dir/$name/log"
	return 1
}

# object NAME FLAGS FILE...: one of them all, in the folder $dir/NAME
object() {
	to=$dir/$name/$1.o
	with=$2
	shift 2
	# shellcheck disable=SC2086 # words
	must $cc $flags $with -r -nostdlib -o "$to" "$@"
}

# program NAME FLAGS FILE...
program() {
	to=$dir/$name/$1
	with=$2
	shift 2
	# shellcheck disable=SC2086 # words
	must $cc $flags $with -static -o "$to" "$@" -pthread -lrt -lm
}

build_replay() {
	fuzz=$source/tests/fuzz
	object queue "-include $fuzz/seam.h" "$source/lib/abi.c" \
		"$source"/lib/queue/*.c "$source"/lib/transfer/*.c &&
		program replay-queue '' "$dir/$name/queue.o" "$fuzz/calls.c" \
			"$fuzz/kernel.c" "$fuzz/model.c" "$fuzz/plain.c" \
			"$fuzz/queue.c" "$fuzz/replay.c" "$fuzz/requests.c" \
			"$fuzz/seam.c" "$fuzz/transfers.c" &&
		object reader "-include $fuzz/hostile.h" \
			"$source/lib/libaio/abi.c" \
			"$source/lib/libaio/collect.c" \
			"$source/lib/libaio/registry.c" &&
		program replay-ring '' "$dir/$name/reader.o" \
			"$fuzz/replay.c" "$fuzz/ring.c"
}

# suites FLAGS: with the inline functions as such, or as the library's symbols
suites() {
	program suites "-I$source/tests/harness -I$dir/$name/check $1" \
		"$source/tests/abi/abi-layout.c" "$source/tests/abi/prep.c" \
		"$source/tests/abi/ring.c" "$source/tests/harness/harness.c" \
		"$source/tests/probe/explain.c" \
		"$source/tests/scripts/architectures.c" \
		"$dir/$name/library.o" "$dir/$name/check/check.o" || return
	# shellcheck disable=SC2086 # none, on the host
	must env srcdir="$source" $emulator "$dir/$name/suites" &&
		echo "PASS: $name: suites${1:+ of symbols}: $(tail -n 1 "$dir/$name/log")"
}

build_suites() {
	# shellcheck disable=SC2086 # words
	must "$source/tests/scripts/static-check.sh" "$dir/$name/check" $cc &&
		object library '' "$source/lib/abi.c" "$source/lib/ffi.c" \
			"$source/lib/probe/explain.c"
}

# The calls and all that comes of them, which have no pointers and no times.
trace() {
	# shellcheck disable=SC2086 # none, on the host
	FUZZ_TRACE=1 must $emulator "$dir/$name/replay-queue" 1 \
		"$source"/tests/fuzz/corpus/queue/* &&
		mv "$dir/$name/log" "$dir/$name/trace"
}

replay() {
	for target in queue ring; do
		# shellcheck disable=SC2086 # none, on the host
		must $emulator "$dir/$name/replay-$target" "$changes" \
			"$source/tests/fuzz/corpus/$target"/* &&
			echo "PASS: $name: $target: $(cat "$dir/$name/log")"
	done
	trace || return
	[ "$name" = host ] || must cmp "$dir/host/trace" "$dir/$name/trace"
}

# architecture CC EMULATOR: the one of this name
architecture() {
	cc=$1
	emulator=$2
	build_replay && replay
	if [ -n "${CHECK_SOURCE-}" ]; then
		build_suites && suites '' &&
			suites "-fno-inline -include $dir/symbols.h"
	else
		skip "$name: suites: CHECK_SOURCE is not Check's source"
	fi
}

# compiles CC...: whether it makes programs
compiles() {
	echo 'int main(void) { return 0; }' |
		"$@" -static -o "$dir/$name/empty" -x c - 2>/dev/null
}

# emulated NAME TARGET QEMU
emulated() {
	mkdir "$dir/$name"
	if ! command -v "qemu-$3-static" >/dev/null; then
		skip "$1: qemu-$3-static is not installed"
	elif [ "$2" = -m32 ] && compiles gcc -m32; then
		architecture "gcc -m32" "qemu-$3-static"
	elif compiles "$2-gcc"; then
		architecture "$2-gcc" "qemu-$3-static"
	elif compiles clang "--target=$2"; then
		architecture "clang --target=$2" "qemu-$3-static"
	else
		skip "$1: neither gcc nor clang makes programs for $2"
	fi
	[ "$failed" -eq 0 ] || touch "$dir/failed"
}

cat >"$dir/symbols.h" <<'END'
#define KAIO_INLINE extern inline __attribute__((__gnu_inline__))
END
name=host
cc=${CC:-cc}
emulator=
mkdir "$dir/host"
build_replay && replay
running=0
while read -r name target qemu; do
	case " ${*:-$name} " in
	*" $name "*) ;;
	*) continue ;;
	esac
	emulated "$name" "$target" "$qemu" &
	running=$((running + 1))
	[ $((running % $(getconf _NPROCESSORS_ONLN))) -ne 0 ] || wait
done <<END
aarch64		aarch64-linux-gnu		aarch64
armhf		arm-linux-gnueabihf		arm
i386		-m32				i386
ppc64le		powerpc64le-linux-gnu		ppc64le
riscv64		riscv64-linux-gnu		riscv64
s390x		s390x-linux-gnu			s390x
END
wait
[ "$failed" -eq 0 ] && ! [ -e "$dir/failed" ]
