#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Are the fuzzers able to find something? Puts one bug after the other into a copy
# of the library, builds, and expects its fuzzer to find it in its first minute.
# Takes some minutes; planted.sh WORD does those alone whose name has the word, and
# planted.sh --lines only looks whether the lines are there that it changes.
set -u

# shellcheck source=tests/scripts/harness.sh
. "$(dirname "$0")/../scripts/harness.sh"

only=${1-}
lines=false
[ "$only" != --lines ] || {
	lines=true
	only=
}
planted=0
seconds=${FUZZ_SECONDS:-60}
copy=$dir/copy

# plant NAME TARGET FILE COMMANDS...: of sed
plant() {
	name=$1
	target=$2
	file=$3
	case $name in
	*"$only"*) ;;
	*) return ;;
	esac
	planted=$((planted + 1))
	if sed "$4" "$source/$file" | cmp -s - "$source/$file"; then
		fail "$name: $file has no such line any more"
		return
	fi
	! $lines || return 0
	rm -rf "$copy" "$dir/corpus"
	mkdir -p "$copy/tests"
	cp -r "$source/include" "$source/lib" "$copy/"
	cp -r "$source/tests/fuzz" "$source/tests/scripts" "$copy/tests/"
	sed -i "$4" "$copy/$file"
	(cd "$dir" && srcdir=$copy "$copy/tests/fuzz/fuzz.sh" build "$target") \
		>"$dir/build.log" 2>&1 || {
		cat "$dir/build.log"
		fail "$name: it does not build"
		return
	}
	started=$(date +%s)
	mkdir -p "$dir/corpus"
	if (cd "$dir" && "./fuzz-$target" -max_total_time="$seconds" \
		-max_len=200 -timeout=10 -entropic=0 corpus \
		"$source/tests/fuzz/corpus/$target") >"$dir/log" 2>&1; then
		fail "$name: not found in $seconds s"
	else
		echo "$name: found in $(($(date +%s) - started)) s:" \
			"$(grep -a -m 1 -E '^fuzz:|ERROR|runtime error' "$dir/log")"
	fi
}

# The queue

plant queue-partial-count queue lib/queue/submit.c \
	's/queue_accepted(queue, ret)/queue_accepted(queue, nr)/'
plant queue-wakeup-not-armed-again queue lib/queue/wakeup.c \
	'/wakeup_armed = false/d'
plant queue-eventfd-not-raised queue lib/queue/wakeup.c \
	's/&& !queue->eventfd_raised/\&\& queue->eventfd_raised/'
plant queue-wake-taken-by-others queue lib/queue/await.c \
	's/return wait->min && !wait->drain && wants_more &&/return/'
plant queue-continued-elsewhere queue lib/transfer/op.c \
	's/offset = op->offset + moved/offset = op->offset/'

# The ring

plant ring-tail-not-checked ring include/kaio/ring.h \
	's/if (head < tail && tail < ring->nr)/if (head < tail)/'
plant ring-head-not-checked ring include/kaio/ring.h \
	's/if (head > tail && head < ring->nr)/if (head > tail)/'
plant ring-room-not-checked ring include/kaio/ring.h \
	's/if (nr > max - reaped)/if (nr > max)/'
plant ring-reader-tail-not-checked ring lib/libaio/collect.c \
	's/tail < size/tail != size/'
plant ring-reader-without-end ring lib/libaio/collect.c \
	's/if (head == size)/if (head > size)/'

echo "$planted planted, $failed not found"
[ "$failed" -eq 0 ] && [ "$planted" -gt 0 ]
