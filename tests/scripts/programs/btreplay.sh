# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# btreplay writes the blocks that a recording names, and no others.

# recording: of a write of every second block of 4 KiB in a second, as blktrace
# makes it
recording() {
	python3 -c '
import struct, sys
QUEUE, WRITE = 1 << 20 | 1, 1 << 17
for i in range(512):
    sys.stdout.buffer.write(struct.pack(
        "=IIQQIIIIIHH", 0x65617407, i, i * 2000000, i * 16, 4096,
        QUEUE | WRITE, 1, 0, 0, 0, 0))'
}

btreplay_writes() {
	need btreplay python3
	need_direct_io
	head -c 4M /dev/zero | tr '\0' Z >disk
	loop_device disk
	recording >"${loop#/dev/}.blktrace.0"
	btrecord "${loop#/dev/}"
	start btreplay -W "${loop#/dev/}"
	watch
	wait "$process"
	python3 - "$loop" <<-'END'
		import sys
		with open(sys.argv[1], "rb") as disk:
		    for i in range(1024):
		        assert (disk.read(4096) == b"Z" * 4096) == (i % 2 == 1), i
	END
}

btreplay_tests() {
	check "btreplay$1" btreplay_writes
}
