#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Runs unmodified programs on the drop-in for libaio, each with its own check of
# the data. Called by CI, not by make check, in a build tree, or with libaiodir,
# the folder of libaio.so.1. Ends with one line: N passed, N failed, N skipped.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
libaiodir=${libaiodir:-lib/kaio-libaio}
[ -e "$libaiodir/libaio.so.1" ] ||
	skip_all "there is no libaio.so.1 in $libaiodir"
libaiodir=$(realpath "$libaiodir")
library=$(realpath "$libaiodir/libaio.so.1")
cd "$dir" || exit 99
passed=0
skipped=0

# skip_test REASON: in its last line
skip_test() {
	echo "$*"
	exit 77
}

need() {
	command -v "$1" >/dev/null || skip_test "$1 is not installed"
}

# Without it the kernel does all the work inside io_submit.
need_direct_io() {
	dd if=/dev/zero of=probe bs=4096 count=1 oflag=direct 2>/dev/null ||
		skip_test "$(df --output=fstype . | tail -n 1) has no O_DIRECT"
}

# check NAME COMMAND...: one test
check() {
	name=$1
	shift
	rm -rf "${dir:?}"/*
	(
		set -e
		"$@"
	) >log 2>&1
	status=$?
	case $status in
	0)
		passed=$((passed + 1))
		echo "PASS: $name"
		;;
	77)
		skipped=$((skipped + 1))
		echo "SKIP: $name: $(tail -n 1 log)"
		;;
	*)
		failed=$((failed + 1))
		cat log
		echo "FAIL: $name"
		;;
	esac
}

# A program that hangs ignores SIGTERM, and fio's processes leave the process
# group that timeout kills.
# shellcheck disable=SC2016 # for the shell below timeout
start='"$@" &
	trap "pkill -KILL -P $!; kill -KILL $!" TERM
	echo $! >pid
	wait $!'

# on_dropin INPUT COMMAND...: the command reads ./gate first, and waits there,
# with its libraries loaded, until /proc/PID/maps is copied.
on_dropin() {
	input=$1
	shift
	rm -f gate pid maps
	mkfifo gate pid
	{
		read -r process <pid
		exec 3>gate
		cat "/proc/$process/maps" >maps
		printf '%s' "$input" >&3
	} &
	gatekeeper=$!
	status=0
	timeout 60 sh -c "$start" sh \
		env LD_LIBRARY_PATH="$libaiodir" "$@" || status=$?
	# It still waits for a program that never came to the gate.
	kill "$gatekeeper" 2>/dev/null || :
	wait "$gatekeeper" || :
	[ "$status" -ne 124 ] || die "it hangs: $*"
	[ "$status" -eq 0 ] || die "status $status: $*"
	[ -s maps ] || die "nobody looked at the maps of: $*"
	mapped=$(sed -n 's:^[^/]*/:/:p' maps | sort -u)
	echo "$mapped" | grep -Fqx "$library" ||
		die "it runs without $library: $mapped"
	others=$(echo "$mapped" | grep -Fvx "$library" | grep '/libaio') || :
	[ -z "$others" ] || die "it runs on $others"
}

# fio: reads every block that it wrote again, and compares checksums.

# fio_job OPTION...
# shellcheck disable=SC2016 # for fio
fio_job() {
	printf '%s\n' '[job]' direct=1 bs=4k size=16m iodepth=32 verify=crc32c \
		verify_fatal=1 'filename_format=fio.$jobnum' "$@"
}

fio_verifies() {
	need fio
	need_direct_io
	on_dropin "$(fio_job ioengine=libaio rw=randrw verify_backlog=64 "$@")
" fio gate
}

# Written on libaio and checked by another engine, and the other way round.
fio_agrees_with_another_engine() {
	need fio
	need_direct_io
	on_dropin "$(fio_job ioengine=libaio rw=randwrite do_verify=0)
" fio gate
	fio_job ioengine=psync rw=read >job
	fio job
	rm fio.0
	fio_job ioengine=psync rw=randwrite do_verify=0 >job
	fio job
	on_dropin "$(fio_job ioengine=libaio rw=randread)
" fio gate
}

fio_tests() {
	check "fio: crc32c of a random mix$1" fio_verifies
	check "fio: one at a time$1" fio_verifies iodepth=1
	check "fio: reading the ring itself$1" fio_verifies userspace_reap=1 \
		iodepth_batch_complete_min=0
	check "fio: batches$1" fio_verifies iodepth_batch_submit=8 \
		iodepth_batch_complete_min=4 iodepth_batch_complete_max=16
	check "fio: collecting without waiting$1" fio_verifies \
		iodepth_batch_complete_min=0 iodepth_batch_complete_max=32
	check "fio: low water$1" fio_verifies iodepth_low=8 \
		iodepth_batch_submit=4 bsrange=4k-64k
	check "fio: four threads$1" fio_verifies size=8m numjobs=4 thread
	check "fio: four processes$1" fio_verifies size=8m numjobs=4
	check "fio: four threads that read the ring themselves$1" fio_verifies \
		size=8m numjobs=4 thread userspace_reap=1 \
		iodepth_batch_complete_min=0
	check "fio: what it writes another engine reads, and back$1" \
		fio_agrees_with_another_engine
}

# qemu-img: its output is compared, by qemu-img and by cmp.

# It reads the list of trace events, which is empty, first.
qemu_img() {
	on_dropin '' qemu-img -T events=gate "$@"
}

# blocks FILE: options for native AIO on it
blocks() {
	driver='file'
	[ ! -b "$1" ] || driver=host_device
	echo "driver=$2,file.driver=$driver,file.filename=$1,file.aio=native,file.cache.direct=on"
}

qemu_bench() {
	need qemu-img
	need_direct_io
	truncate -s 16M image
	head -c 16M /dev/zero | tr '\0' Z >expected
	qemu_img bench -f raw -t none -i native -w --pattern=90 -c 4096 \
		-d 64 "$@" image
	cmp image expected
	qemu_img bench -f raw -t none -i native -c 40000 -d 64 image
	cmp image expected
}

# converts FORMAT TARGET: random data, there and back again
converts() {
	head -c 16M /dev/urandom >source
	qemu_img convert -n -t none -T none -m 16 -W --image-opts \
		--target-image-opts "$(blocks source raw)" "$(blocks "$2" "$1")"
	qemu-img compare -f raw -F "$1" source "$2"
	truncate -s 16M back
	qemu_img convert -n -t none -T none -m 16 -W --image-opts \
		--target-image-opts "$(blocks "$2" "$1")" "$(blocks back raw)"
	cmp source back
	qemu_img compare --image-opts "$(blocks source raw)" \
		"$(blocks "$2" "$1")"
}

qemu_converts_to_qcow2() {
	need qemu-img
	need_direct_io
	qemu-img create -q -f qcow2 image.qcow2 16M
	converts qcow2 image.qcow2
}

qemu_converts_through_loop() {
	need qemu-img
	need_direct_io
	[ "$(id -u)" -eq 0 ] || skip_test "a loop device needs root"
	truncate -s 16M disk
	loop=$(losetup --find --show --direct-io=on disk 2>&1) ||
		skip_test "$loop"
	trap 'losetup --detach "$loop"' EXIT
	trap 'exit 1' HUP INT TERM
	converts raw "$loop"
	cmp source "$loop"
}

qemu_tests() {
	check "qemu-img bench$1" qemu_bench
	check "qemu-img bench that flushes$1" qemu_bench --flush-interval=64
	check "qemu-img convert to qcow2$1" qemu_converts_to_qcow2
	check "qemu-img convert through a loop device$1" \
		qemu_converts_through_loop
}

# sysbench: every block holds a checksum of itself and its offset.

# sysbench_validates MODES OPTION...: in the end its synchronous engine checks, too
sysbench_validates() {
	modes=$1
	shift
	need sysbench
	need_direct_io
	set -- --file-num=4 --file-total-size=16M --file-block-size=4096 \
		--events=4096 --time=0 --validate=on "$@"
	sysbench fileio "$@" --validate=on prepare
	for mode in $modes; do
		on_dropin '' sysbench --config-file=gate fileio "$@" \
			--file-io-mode=async --file-test-mode="$mode" run >out
		cat out
		grep -q '^Using asynchronous I/O mode' out
	done
	sysbench fileio "$@" --validate=on --file-test-mode=seqrd run
}

# A thread has one buffer for all operations in flight, and checks it right after
# io_submit. That is right only with one operation in flight, or if the kernel
# does the I/O inside io_submit. Otherwise only counts are checked.
sysbench_tests() {
	check "sysbench: one at a time$1" sysbench_validates \
		'rndwr rndrd rndrw seqrewr seqrd' --file-async-backlog=1 \
		--file-extra-flags=direct
	check "sysbench: many through the page cache, from four threads$1" \
		sysbench_validates 'rndwr rndrd rndrw seqrewr seqrd' \
		--file-async-backlog=32 --threads=4
	check "sysbench: many, from four threads$1" \
		sysbench_validates 'rndrd seqrd' --file-async-backlog=32 \
		--threads=4 --file-extra-flags=direct --validate=off
}

programs() {
	fio_tests "$1"
	qemu_tests "$1"
	sysbench_tests "$1"
}

programs ''
KAIO_NO_RING=1
export KAIO_NO_RING
programs ', without the ring'
echo "$passed passed, $failed failed, $skipped skipped"
[ $((passed + failed)) -gt 0 ] || exit 77
[ "$failed" -eq 0 ]
