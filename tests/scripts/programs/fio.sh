# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# fio reads every block that it wrote again, and compares checksums.

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

# What one run records, the next does again, at the same offsets.
fio_replays() {
	need fio
	need_direct_io
	on_dropin "$(fio_job ioengine=libaio rw=randwrite do_verify=0 write_iolog=iolog)
" fio gate
	rm fio.0
	on_dropin "$(fio_job ioengine=libaio read_iolog=iolog replay_no_stall=1 do_verify=0 \
		rw=randwrite)
" fio gate
	fio_job ioengine=psync rw=read >job
	fio job
}

fio_tests() {
	check "fio: crc32c of a random mix$1" fio_verifies
	check "fio: one at a time$1" fio_verifies iodepth=1
	check "fio: a thousand at a time$1" fio_verifies iodepth=1024
	check "fio: reading the ring itself$1" fio_verifies userspace_reap=1 \
		iodepth_batch_complete_min=0
	check "fio: batches$1" fio_verifies iodepth_batch_submit=8 \
		iodepth_batch_complete_min=4 iodepth_batch_complete_max=16
	check "fio: collecting without waiting$1" fio_verifies \
		iodepth_batch_complete_min=0 iodepth_batch_complete_max=32
	check "fio: low water$1" fio_verifies iodepth_low=8 \
		iodepth_batch_submit=4 bsrange=4k-64k
	check "fio: offsets, in order, of large blocks$1" fio_verifies rw=write \
		bs=256k verify=pattern verify_pattern=%o
	check "fio: many files, and flushes$1" fio_verifies  nrfiles=16 fdatasync=8 \
		'filename_format=fio.$filenum'
	check "fio: verified by other threads$1" fio_verifies verify_async=2
	check "fio: four threads$1" fio_verifies size=8m numjobs=4 thread
	check "fio: four processes$1" fio_verifies size=8m numjobs=4
	check "fio: four threads that read the ring themselves$1" \
		fio_verifies size=8m numjobs=4 thread userspace_reap=1 \
		iodepth_batch_complete_min=0
	check "fio: what it writes another engine reads, and back$1" \
		fio_agrees_with_another_engine
	check "fio: a recording, replayed$1" fio_replays
}
