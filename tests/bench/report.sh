#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# make bench: the standard set on what this machine has. Makes the devices and
# files that it may make, and removes them; says what it left out, and why.
# The report is a folder: text, JSON, CSV, plots, and tables in Markdown.
#
#     report.sh KAIO-BENCH FOLDER [quick]
set -eu

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
	echo "usage: report.sh KAIO-BENCH FOLDER [quick]" >&2
	exit 2
fi
bench=$1
out=$2
quick=${3:-}

mkdir -p "$out"
rm -f "$out"/*.txt "$out"/*.json "$out"/*.csv "$out"/*.svg "$out"/*.md
work=$(mktemp -d "$out/work.XXXXXX")
work=$(cd "$work" && pwd)
loops=
mounts=
zram=

# shellcheck source=tests/bench/apart.sh
. "$(dirname "$0")/apart.sh"

# In the order in which they stand upon each other.
clean_up() {
	set +e
	stand_together
	for mount in $mounts; do
		umount "$mount"
	done
	for loop in $loops; do
		losetup -d "$loop"
	done
	if [ -n "$zram" ]; then
		echo 1 >"/sys/block/zram$zram/reset"
		echo "$zram" >/sys/class/zram-control/hot_remove
	fi
	[ -z "${shm:-}" ] || rm -f "$shm"
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

skip() {
	echo "skipped: $*" | tee -a "$out/skipped.txt"
}

# run NAME COMMAND ARGUMENT...: into the files of that name
run() {
	name=$1
	shift
	# shellcheck disable=SC2086 # words
	[ "$quick" != quick ] || set -- "$@" $quickly
	echo "== $name: ${apart:+$apart }kaio-bench $*"
	# shellcheck disable=SC2086 # words
	${apart:-} "$bench" "$@" --save "$out/$name" >"$out/$name.txt" ||
		skip "$name: kaio-bench failed, see above"
	cat "$out/$name.txt"
}
quickly='-r 5'

# Depths by which the plots go.
depths=1:1,2:1,4:1,8:1,16:1,32:1,64:1,128:1
overhead=1:1,32:1,32:8,128:32

# The kinds of target

null() {
	run overhead-null overhead -p $overhead /dev/null
	run scale-null scale
}

# disk NAME FILE: what is not the same on every device
disk() {
	run "latency-$1" latency "$2"
	run "depth-$1" overhead -p $depths "$2"
}

# may WHAT: whether this is root, to make it
may() {
	[ "$(id -u)" -eq 0 ] && return
	skip "$1: only root may make it"
	return 1
}

build_file_system() {
	"$bench" fill -s 256M "$work/file"
	disk file "$work/file"
	run spin-file spin "$work/file"
	run transfer-file transfer "$work/file"
}

# loop_over FILE: sets loop
loop_over() {
	loop=$(losetup --find --show --direct-io=on "$1" 2>"$work/error") || {
		skip "a loop device over $1: $(cat "$work/error")"
		return 1
	}
	loops="$loop $loops"
}

loop_over_tmpfs() {
	may "a loop device" || return 0
	if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" != tmpfs ]; then
		skip "a loop device over tmpfs: /dev/shm is none"
		return
	fi
	shm=$(mktemp /dev/shm/kaio-bench.XXXXXX)
	"$bench" fill -s 256M "$shm"
	loop_over "$shm" || return 0
	disk loop "$loop"
	run spin-loop spin "$loop"
	run transfer-loop transfer "$loop"
	if stand_apart; then
		run latency-loop-apart latency "$loop"
		run spin-loop-apart spin "$loop"
		stand_together
	else
		skip "a loop device's worker apart from the program: $reason"
	fi
}

zram_device() {
	may "a zram device" || return 0
	[ -e /sys/class/zram-control ] || modprobe zram 2>/dev/null || true
	if ! zram=$(cat /sys/class/zram-control/hot_add 2>/dev/null); then
		zram=
		skip "zram: the kernel has none"
		return
	fi
	# It fits into the processor's caches: the memory is not what is measured.
	echo 16M >"/sys/block/zram$zram/disksize"
	udevadm settle 2>/dev/null || true
	"$bench" fill "/dev/zram$zram"
	run overhead-zram overhead -p $overhead "/dev/zram$zram"
	run latency-zram latency "/dev/zram$zram"
}

# image TYPE: a file system of that type, in a file on the build's
image() {
	may "an image of $1" || return 0
	if ! command -v "mkfs.$1" >/dev/null; then
		skip "$1: there is no mkfs.$1"
		return
	fi
	truncate -s 1G "$work/$1"
	if ! "mkfs.$1" "$work/$1" >"$work/error" 2>&1; then
		skip "$1: $(tail -n 1 "$work/error")"
		return
	fi
	loop_over "$work/$1" || return 0
	mkdir "$work/on-$1"
	if ! mount -t "$1" "$loop" "$work/on-$1" 2>"$work/error"; then
		skip "$1: $(tail -n 1 "$work/error")"
		return
	fi
	mounts="$work/on-$1 $mounts"
	"$bench" fill -s 256M "$work/on-$1/file"
	disk "$1" "$work/on-$1/file"
}

files() {
	if [ "$quick" = quick ]; then
		quickly='-r 1 -i 100'
	fi
	run files files -D "$work"
}

# What is made of the tables

# engines CSV: those in it
engines() {
	awk -F , 'NR == 1 { for (i = 1; $i != "Engine"; i++); next }
		!seen[$i]++ { print $i }' "$1"
}

# plot CSV X Y X-LABEL Y-LABEL SVG: columns X and Y, one line per engine
plot() {
	[ -s "$1" ] || return 0
	engine_column=$(head -n 1 "$1" | tr , '\n' | grep -n '^Engine$' |
		cut -d : -f 1)
	{
		echo "set terminal svg size 800,500 background 'white'"
		echo "set output '$6'"
		echo "set datafile separator ','"
		echo "set logscale xy"
		echo "set key outside right"
		echo "set grid"
		echo "set xlabel '$4'"
		echo "set ylabel '$5'"
		printf 'plot '
		engines "$1" | while read -r engine; do
			printf "'%s' using (strcol(%d) eq '%s' ? \$%d : NaN):%d" \
				"$1" "$engine_column" "$engine" "$2" "$3"
			printf " every ::1 with linespoints title '%s', " \
				"$engine"
		done
		echo
	} >"$work/plot"
	gnuplot "$work/plot" || skip "the plot $6: gnuplot failed"
}

plots() {
	if ! command -v gnuplot >/dev/null; then
		skip "plots: gnuplot is not installed"
		return
	fi
	for where in file loop; do
		csv=$out/transfer-$where.csv
		plot "$csv" 2 4 'block size (bytes)' 'bandwidth (GB/s)' \
			"$out/bandwidth-$where.svg"
		plot "$csv" 2 5 'block size (bytes)' \
			'time of an operation (us)' "$out/latency-$where.svg"
	done
	for where in file loop xfs btrfs; do
		plot "$out/depth-$where.csv" 1 4 'operations in flight' \
			'thousand operations a second' "$out/depth-$where.svg"
	done
}

# ratios CSV TITLE: by engine, in a column for each depth and batch
ratios() {
	[ -s "$1" ] || return 0
	printf '\n%s\n\n' "$2"
	awk -F , '
		NR == 1 { next }
		!($3 in row) { row[$3] = ++rows; engine[rows] = $3 }
		!(($1, $2) in column) {
			column[$1, $2] = ++columns
			head[columns] = $1 ", " $2
		}
		{ cell[row[$3], column[$1, $2]] = $5 }
		END {
			printf "| depth, batch |"
			for (c = 1; c <= columns; c++)
				printf " %s |", head[c]
			printf "\n| --- |"
			for (c = 1; c <= columns; c++)
				printf " --- |"
			for (r = 1; r <= rows; r++) {
				printf "\n| %s |", engine[r]
				for (c = 1; c <= columns; c++)
					printf " %.2f |", cell[r, c]
			}
			printf "\n"
		}' "$1"
}

# latencies: by engine, in a column for each device
latencies() {
	set --
	for where in file loop loop-apart zram; do
		[ ! -s "$out/latency-$where.csv" ] ||
			set -- "$@" "$out/latency-$where.csv"
	done
	[ $# -gt 0 ] || return 0
	printf '\nMedian latency at depth 1, times that of pread(2)\n\n'
	awk -F , '
		FNR == 1 {
			head[++columns] = FILENAME
			sub(/.*latency-/, "", head[columns])
			sub(/\.csv$/, "", head[columns])
			next
		}
		!($1 in row) { row[$1] = ++rows; engine[rows] = $1 }
		{ cell[row[$1], columns] = $4 }
		END {
			printf "| |"
			for (c = 1; c <= columns; c++)
				printf " %s |", head[c]
			printf "\n| --- |"
			for (c = 1; c <= columns; c++)
				printf " --- |"
			for (r = 1; r <= rows; r++) {
				printf "\n| %s |", engine[r]
				for (c = 1; c <= columns; c++)
					printf " %.2f |", cell[r, c]
			}
			printf "\n"
		}' "$@"
}

tables() {
	times='Operations a second, times those of libaio:'
	head -n 1 "$out/overhead-null.txt"
	ratios "$out/overhead-null.csv" "$times /dev/null, writes of 512 bytes"
	ratios "$out/overhead-zram.csv" "$times zram, O_DIRECT reads of 4 KiB"
	ratios "$out/depth-file.csv" "$times a file, O_DIRECT reads of 4 KiB"
	ratios "$out/depth-loop.csv" "$times a loop device, O_DIRECT reads of 4 KiB"
	latencies
}

null
build_file_system
loop_over_tmpfs
zram_device
image xfs
image btrfs
files
plots
tables >"$out/tables.md"
echo "== The report is in $out"
