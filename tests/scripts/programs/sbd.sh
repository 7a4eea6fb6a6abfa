# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# sbd keeps a slot of each node on a disk, and messages in it.

sbd_messages() {
	need sbd
	need_strace
	need_direct_io
	truncate -s 16M disk
	loop_device disk
	# on_sbd COMMAND...
	on_sbd() {
		traced sbd -d "$loop" "$@"
	}
	on_sbd create
	on_sbd allocate one
	on_sbd allocate two
	on_sbd message one test
	on_sbd list >out
	cat out
	[ "$(xargs <out)" = "0 one test $(hostname) 1 two clear" ]
	dd if="$loop" bs=512 count=8 iflag=direct | grep -aq two
}

sbd_tests() {
	check "sbd$1" sbd_messages
}
