# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# The output of qemu-img, qemu-io and qemu-nbd is compared, by qemu-img and by cmp.

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
	qemu_img bench -f raw -t none -i native -w --pattern=90 \
		-c 4096 -d 64 "$@" image
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
	truncate -s 16M disk
	loop_device disk
	converts raw "$loop"
	cmp source "$loop"
}

# qemu_io VERB FORMAT COMMAND...: of sixteen blocks, each of a byte of its own
qemu_io() {
	verb=$1
	format=$2
	shift 2
	for block in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		set -- "$@" -c "$verb -P $block $((block * 96))k 96k"
	done
	"$@" -c aio_flush -f "$format" image >out 2>&1
	cat out
	[ "$(grep -cE '^(wrote|read) 98304/98304' out)" -eq 16 ]
	! grep -q 'failed' out
}

qemu_io_verifies() {
	need qemu-io
	need_direct_io
	qemu-img create -q -f "$1" image 4M
	for verb in aio_write aio_read; do
		qemu_io "$verb" "$1" on_dropin '' qemu-io -T events=gate -n \
			-t none
	done
	qemu_io read "$1" qemu-io
}

# A server, until its client disconnects.
qemu_nbd() {
	need qemu-nbd
	need_direct_io
	head -c 16M /dev/urandom >source
	truncate -s 16M image
	for files in 'source nbd+unix:///?socket=socket' \
		'nbd+unix:///?socket=socket back'; do
		on_dropin '' qemu-nbd -T events=gate --aio=native --cache=none -f raw \
			-k "$PWD/socket" image &
		server=$!
		retry test -S socket
		# shellcheck disable=SC2086 # words
		qemu-img convert -n -m 16 -W -f raw -O raw $files
		wait "$server"
		cmp source image
		truncate -s 16M back
	done
}

qemu_tests() {
	check "qemu-img bench$1" qemu_bench
	check "qemu-img bench that flushes$1" qemu_bench --flush-interval=64
	check "qemu-img convert to qcow2$1" qemu_converts_to_qcow2
	check "qemu-img convert through a loop device$1" \
		qemu_converts_through_loop
	check "qemu-io$1" qemu_io_verifies raw
	check "qemu-io of qcow2$1" qemu_io_verifies qcow2
	check "qemu-nbd$1" qemu_nbd
}
