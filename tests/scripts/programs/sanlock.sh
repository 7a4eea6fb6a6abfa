# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# sanlock's records have checksums, and are found by dd, too.

sanlock_direct() {
	need sanlock
	need_strace
	need_direct_io
	truncate -s 2M space leases
	traced sanlock direct init -s "KAIO:0:$PWD/space:0"
	traced sanlock direct init -r "KAIO:lease:$PWD/leases:0"
	traced sanlock direct read_leader -s "KAIO:1:$PWD/space:0" >out
	grep 'space_name KAIO' out
	traced sanlock direct read_leader -r "KAIO:lease:$PWD/leases:0" >out
	grep 'resource_name lease' out
	dd if=leases bs=512 count=1 iflag=direct | grep -aq KAIO
	dd if=/dev/zero of=leases bs=512 count=1 oflag=direct conv=notrunc
	! traced sanlock direct read_leader -r "KAIO:lease:$PWD/leases:0" ||
		die "sanlock reads a lease that is not there"
}

sanlock_tests() {
	check "sanlock$1" sanlock_direct
}
