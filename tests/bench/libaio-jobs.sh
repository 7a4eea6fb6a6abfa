#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# fio, 4 KiB random reads of a file with O_DIRECT, one at a time in each job: how
# many a second, and how much processor time each takes, on the drop-in for
# libaio and on the system's libaio, alone and beside other programs. The
# libraries take turns, and either is first in every other round; medians are
# shown, and the medians of the ratios of a round.
#
#     tests/bench/libaio-jobs.sh [-n ROUNDS] [-t SECONDS] [--check]
#
# Runs in a build tree, or with libaiodir, the folder of libaio.so.1. The file is
# made in $TMPDIR or /var/tmp. With --check, fewer than 0.97 times libaio's
# operations, or more than 1.03 times its processor time, fail where the drop-in
# does not spin.
set -eu

# shellcheck source=tests/bench/fio.sh
. "$(dirname "$0")/fio.sh"

dir=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
busy=

clean_up() {
	# shellcheck disable=SC2086 # words
	[ -z "$busy" ] || kill $busy
	rm -r "$dir"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

head -c 64M /dev/urandom >"$dir/file"

# children: sets used, the processor time of children that have ended, in
# milliseconds; not to be called in a subshell, which has had none
children() {
	times >"$dir/times"
	used=$(sed -n 2p "$dir/times" | tr 'ms' '  ' |
		awk '{ print int(($1 * 60 + $2 + $3 * 60 + $4) * 1000) }')
}

# measure LIBRARIES JOBS: operations a second, and microseconds of processor time
# for one
measure() {
	children
	before=$used
	LD_LIBRARY_PATH=$1 fio --name=job --filename="$dir/file" --readonly \
		--rw=randread --bs=4k --ioengine=libaio --direct=1 --thread \
		--iodepth=1 --numjobs="$2" --group_reporting --norandommap \
		--time_based --runtime="$seconds" --output-format=terse \
		--terse-version=3 >"$dir/terse" 2>"$dir/log" ||
		die "$(cat "$dir/log" "$dir/terse")"
	children
	awk -F ';' -v ms=$((used - before)) -v seconds="$seconds" \
		'$1 == 3 { print $8, ms * 1000 / ($8 * seconds) }' "$dir/terse"
}

# column N FILE
column() {
	cut -d ' ' -f "$1" "$2" >"$dir/column"
	median "$dir/column"
}

# compare NAME JOBS [bar]: a line of the table
compare() {
	rm -f "$dir/libaio" "$dir/kaio"
	round=0
	while [ "$round" -lt "$rounds" ]; do
		[ $((round % 2)) -eq 0 ] || measure "$libaiodir" "$2" >>"$dir/kaio"
		measure '' "$2" >>"$dir/libaio"
		[ $((round % 2)) -eq 1 ] || measure "$libaiodir" "$2" >>"$dir/kaio"
		round=$((round + 1))
	done
	paste -d ' ' "$dir/libaio" "$dir/kaio" |
		awk '{ print $3 / $1, $4 / $2 }' >"$dir/ratios"
	echo "$(column 1 "$dir/libaio") $(column 1 "$dir/kaio")" \
		"$(column 1 "$dir/ratios") $(column 2 "$dir/libaio")" \
		"$(column 2 "$dir/kaio") $(column 2 "$dir/ratios")" |
		awk -v name="$1" -v bar="${3:-}" '{
			bad = bar && ($3 < 0.97 || $6 > 1.03)
			printf "%-28s %8d %8d %6.2f %8.1f %8.1f %6.2f%s\n", name,
				$1, $2, $3, $4, $5, $6, bad ? " missed" : ""
			exit bad
		}' || missed=1
}

processors=$(getconf _NPROCESSORS_ONLN)
echo "$(uname -sr), $(fio --version), $processors processors," \
	"load $(cut -d ' ' -f 1 /proc/loadavg); medians of $rounds rounds of" \
	"$seconds s"
printf '%-28s %8s %8s %6s %8s %8s %6s\n' '' libaio kaio ratio 'us/op' 'us/op' \
	ratio
missed=0
unset KAIO_NO_RING KAIO_SPIN_NS
compare '1 job' 1 bar
compare "$((processors * 2)) jobs" $((processors * 2)) bar
KAIO_SPIN_NS=50000
export KAIO_SPIN_NS
compare '1 job, 50 us of spinning' 1
compare "$((processors * 2)) jobs, 50 us of spinning" $((processors * 2))
unset KAIO_SPIN_NS
for _ in $(seq "$processors"); do
	sh -c 'while :; do :; done' &
	busy="$busy $!"
done
compare "$((processors * 2)) jobs beside busy loops" $((processors * 2)) bar
KAIO_SPIN_NS=50000
export KAIO_SPIN_NS
compare 'the same, 50 us of spinning' $((processors * 2))
[ "$check" -eq 0 ] || [ "$missed" -eq 0 ]
