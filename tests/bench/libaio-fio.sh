#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# fio, 4 KiB random reads: how many a second on the drop-in for libaio, and on
# the system's libaio. The two take turns, and their medians are shown.
#
#     tests/bench/libaio-fio.sh [-n ROUNDS] [-t SECONDS] [--check]
#
# Run by root in a build tree, or with libaiodir, the folder of libaio.so.1, and
# on a machine with nothing else to do. With --check a ratio below its bar fails.
set -eu

# shellcheck source=tests/bench/fio.sh
. "$(dirname "$0")/fio.sh"
[ "$(id -u)" -eq 0 ] || die "devices are set up by root"
control=/sys/class/zram-control
[ -e $control ] || modprobe zram 2>/dev/null ||
	die "this kernel has no zram"

dir=$(mktemp -d)
zram=
loop=

# shellcheck source=tests/bench/apart.sh
. "$(dirname "$0")/apart.sh"

clean_up() {
	stand_together
	[ -z "$loop" ] || losetup --detach "$loop"
	[ -z "$zram" ] || echo "$zram" >$control/hot_remove
	umount "$dir" 2>/dev/null
	rmdir "$dir"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# Nothing is written to it: it is there to cost as little as a device can.
zram=$(cat $control/hot_add)
echo 64M >"/sys/block/zram$zram/disksize"

# Memory, which is as fast each time; the loop device's thread is what takes long.
mount -t tmpfs -o size=80M none "$dir" || die "no tmpfs can be mounted"
head -c 64M /dev/urandom >"$dir/disk"
loop=$(losetup --find --show --direct-io=on "$dir/disk")
[ "$(cat "/sys/block/${loop#/dev/}/loop/dio")" = 1 ] ||
	die "$(df --output=fstype "$dir" | tail -n 1) has no O_DIRECT for a loop device"

# iops LIBRARIES DEVICE DEPTH BATCH: of one run of fio, which spends as little as
# it can on the clock and on its choice of blocks
# shellcheck disable=SC2086 # words
iops() {
	LD_LIBRARY_PATH=$1 $priority fio --name=job --filename="$2" \
		--readonly --rw=randread --bs=4k --size=8m --norandommap \
		--ioengine=libaio --direct=1 --thread --iodepth="$3" \
		--iodepth_batch_submit="$4" --iodepth_batch_complete_min="$4" \
		--iodepth_batch_complete_max="$4" --gtod_reduce=1 \
		--time_based --runtime="$seconds" \
		--output-format=terse --terse-version=3 \
		>"$dir/terse" 2>"$dir/log" || die "$(cat "$dir/log" "$dir/terse")"
	awk -F ';' '$1 == 3 { print $8 }' "$dir/terse"
}

# compare NAME BAR DEVICE DEPTH BATCH: a line of the table
compare() {
	name=$1
	bar=$2
	shift 2
	rm -f "$dir/libaio" "$dir/kaio"
	round=0
	while [ "$round" -lt "$rounds" ]; do
		iops '' "$@" >>"$dir/libaio"
		iops "$libaiodir" "$@" >>"$dir/kaio"
		round=$((round + 1))
	done
	echo "$(median "$dir/libaio") $(median "$dir/kaio")" |
		awk -v name="$name" -v bar="$bar" -v depth="$2" -v batch="$3" '{
			ratio = $2 / $1
			low = bar && ratio < bar
			printf "%-14s %5d %5d %9d %9d %6.2f %s%s\n",
				name, depth, batch, $1, $2, ratio,
				bar ? "(" bar ")" : "", low ? " too low" : ""
			exit low
		}' || low=1
}

echo "$(uname -sr), $(fio --version), $(getconf _NPROCESSORS_ONLN) x" \
	"$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)," \
	"load $(cut -d ' ' -f 1 /proc/loadavg)"
echo "medians of $rounds runs of $seconds s each; (bar)"
printf '%-14s %5s %5s %9s %9s %6s\n' device depth batch libaio kaio ratio
low=0
unset KAIO_NO_RING KAIO_SPIN_NS
# What else runs is not to count.
priority='chrt --fifo 1'
compare zram 1.12 "/dev/zram$zram" 1 1
compare zram 1.12 "/dev/zram$zram" 32 1
compare zram 0.98 "/dev/zram$zram" 32 8
# The device's worker must not wait for a program that spins. Where it is on the
# program's processor, to sleep is the fastest for both libraries, and the bar is
# out of reach.
priority=
KAIO_SPIN_NS=50000
export KAIO_SPIN_NS
compare loop 1.3 "$loop" 1 1
if stand_apart; then
	priority=$apart
	compare 'loop, apart' 1.3 "$loop" 1 1
	unset KAIO_SPIN_NS
	compare 'and no spin' 0 "$loop" 1 1
	stand_together
else
	echo "left out: a loop device's worker apart from fio: $reason"
fi
[ "$check" -eq 0 ] || [ "$low" -eq 0 ]
