#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# A shared queue in this build and in one of another commit: threads that each push
# an operation and wait for one, or for up to four. The builds take turns; shown are
# medians, the ratio of the means, and the processor time of one.
#
#     tests/bench/shared.sh OTHER_BUILD TARGET [ROUNDS [SECONDS]]
#
# TARGET is what shared.c says, like /dev/null or a file of 16 MiB. Runs in a build
# tree, whose libraries have to be static, too. OTHER_CFLAGS=-DSPIN_NS=-1 is for a
# commit that spins unless it is told not to.
set -eu

[ $# -ge 2 ] || {
	echo "usage: tests/bench/shared.sh OTHER_BUILD TARGET [ROUNDS [SECONDS]]" >&2
	exit 2
}
other=$1 target=$2 rounds=${3:-21} seconds=${4:-0.4}
source=${srcdir:-$(dirname "$0")/../..}
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
trap 'exit 1' HUP INT TERM

# link BUILD NAME CFLAGS
link() {
	of=$(sed -n 's/^abs_top_srcdir = //p' "$1/Makefile")
	# shellcheck disable=SC2086 # words
	"${CC:-cc}" $3 -O2 -pthread -D_GNU_SOURCE -I"$of/include" -I"$1/include" \
		-o "$dir/$2" "$source/tests/bench/shared.c" \
		"$1/lib/.libs/libkaio.a"
}

link "$other" other "${OTHER_CFLAGS-}"
link . this ""
printf '%7s %4s %9s %9s %6s %8s %8s\n' threads max other this ratio 'us/op' 'us/op'
for max in 1 4; do
	for threads in 1 2 4 8; do
		round=0
		rm -f "$dir"/*.figures
		while [ "$round" -lt "$rounds" ]; do
			order='other this'
			[ $((round % 2)) -eq 0 ] || order='this other'
			for build in $order; do
				"$dir/$build" "$target" "$threads" "$max" \
					"$seconds" >>"$dir/$build.figures"
			done
			round=$((round + 1))
		done
		for build in other this; do
			sort -n "$dir/$build.figures" |
				awk '{ rate[NR] = $1; all += $1; used += $2 * $1 }
				END { print rate[int((NR + 1) / 2)], all, used / all }'
		done | awk -v threads="$threads" -v max="$max" '
			{ rate[NR] = $1; all[NR] = $2; used[NR] = $3 }
			END { printf "%7d %4d %9d %9d %6.2f %8.1f %8.1f\n",
				threads, max, rate[1], rate[2],
				all[2] / all[1], used[1], used[2] }'
	done
done
