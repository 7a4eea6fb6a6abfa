#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# fuzz.sh build [TARGET]: builds fuzz-queue and fuzz-ring, here, with clang.
# fuzz.sh run: builds and runs both, each for FUZZ_SECONDS (60), at the same time,
# with FUZZ_SEED, with the same inputs each time;
# what they find goes to corpus-queue/ and corpus-ring/, here, and an input that
# fails to queue-crash-* or ring-crash-*.
# fuzz.sh merge: makes the corpus in the source from that, as small as it can be.
set -u

# shellcheck source=tests/scripts/harness.sh
. "$(dirname "$0")/../scripts/harness.sh"

CLANG=${CLANG:-clang}
seconds=${FUZZ_SECONDS:-60}
flags="-std=gnu11 -O2 -g -D_GNU_SOURCE -I$source/include -I$source/lib"
sanitizers='-fsanitize=address,undefined -fno-sanitize-recover=all'
# No constants of comparisons, which cost a third of the time: no magic numbers
# are looked for.
coverage='-fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp'

command -v "$CLANG" >/dev/null || skip_all "$CLANG is not installed"
echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' >"$dir/empty.c"
"$CLANG" -fsanitize=fuzzer,address,undefined "$dir/empty.c" -o "$dir/empty" \
	>"$dir/log" 2>&1 || skip_all "$CLANG has no libFuzzer"

# compile FLAGS FILE...: to objects in $dir
compile() {
	with=$1
	shift
	for file; do
		# shellcheck disable=SC2086 # words
		"$CLANG" $flags $with -c "$source/$file" \
			-o "$dir/$(echo "$file" | tr / -).o" ||
			die "$file does not compile"
	done
}

# The harness is not instrumented for coverage: what is looked for is new code of
# the library.
build_queue() {
	# shellcheck disable=SC2046 # words
	compile "$sanitizers $coverage -include $source/tests/fuzz/seam.h" \
		lib/abi.c $(cd "$source" && echo lib/queue/*.c lib/transfer/*.c)
	for name in queue plain requests transfers model kernel calls seam; do
		compile -fsanitize=address tests/fuzz/$name.c
	done
	"$CLANG" -fsanitize=fuzzer,address,undefined "$dir"/*.o -o fuzz-queue ||
		die "fuzz-queue"
	rm "$dir"/*.o
}

build_ring() {
	compile "$sanitizers $coverage -include $source/tests/fuzz/hostile.h" \
		lib/libaio/collect.c lib/libaio/registry.c lib/libaio/abi.c
	compile "$sanitizers $coverage" tests/fuzz/ring.c
	"$CLANG" -fsanitize=fuzzer,address,undefined "$dir"/*.o -o fuzz-ring ||
		die "fuzz-ring"
	rm "$dir"/*.o
}

# fuzz TARGET LENGTH: from the corpus in the source
fuzz() {
	mkdir -p "corpus-$1"
	"./fuzz-$1" -max_total_time="$seconds" -max_len="$2" -timeout=10 \
		-seed="${FUZZ_SEED:-0}" -entropic=0 -reload=0 -print_final_stats=1 \
		-artifact_prefix="$1-" "corpus-$1" \
		"$source/tests/fuzz/corpus/$1" >"fuzz-$1.log" 2>&1
}

# report TARGET STATUS
report() {
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "fuzz-$1.log")
	if [ "$2" -eq 0 ]; then
		echo "fuzz-$1: $runs runs, no finding"
	else
		grep -a -E '^fuzz:|runtime error|^SUMMARY|^Base64' "fuzz-$1.log"
		fail "fuzz-$1: after ${runs:-some} runs; see fuzz-$1.log"
	fi
}

run_both() {
	fuzz ring 128 &
	ring=$!
	status=0
	fuzz queue 200 || status=$?
	report queue "$status"
	status=0
	wait "$ring" || status=$?
	report ring "$status"
}

# As few inputs as have all features, of a corpus that is small already.
merge() {
	for name in queue ring; do
		mkdir -p "$dir/$name" "$source/tests/fuzz/corpus/$name"
		"./fuzz-$name" -merge=1 -max_len=120 "$dir/$name" \
			"$source/tests/fuzz/corpus/$name" "corpus-$name" \
			>"$dir/log" 2>&1 || die "merge of $name"
		rm -f "$source/tests/fuzz/corpus/$name"/*
		# The smallest come first.
		find "$dir/$name" -type f -printf '%s %p\n' | sort -n |
			awk 'NR % every == 0 { print $2 }' \
				every="$(($(find "$dir/$name" -type f | wc -l) / 90 + 1))" |
			xargs -I '{}' cp '{}' "$source/tests/fuzz/corpus/$name/"
	done
}

case ${1:-run} in
build)
	[ "${2:-queue}" != queue ] || build_queue
	[ "${2:-ring}" != ring ] || build_ring
	;;
run)
	build_queue
	build_ring
	run_both
	;;
merge)
	merge
	;;
*)
	die "usage: fuzz.sh [build [queue|ring]|run|merge]"
	;;
esac
[ "$failed" -eq 0 ]
