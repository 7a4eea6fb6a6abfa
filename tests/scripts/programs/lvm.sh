# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# lvm2 keeps its metadata under checksums.

# On the loop device alone, and without the device mapper.
lvm_conf() {
	cat <<-END
		devices {
			filter=["a|^$1\$|", "r|.*|"]
			use_devicesfile=0
			external_device_info_source="none"
			obtain_device_list_from_udev=0
		}
		global {
			use_aio=1
			use_lvmlockd=0
			locking_dir="$PWD/lvm"
		}
		activation {
			monitoring=0
			udev_sync=0
		}
	END
}

# What it stored is read by another way, overwritten, and restored.
lvm_restores() {
	need lvm
	need_strace
	need_direct_io
	truncate -s 32M disk
	loop_device disk
	mkdir lvm
	lvm_conf "$loop" >lvm/lvm.conf
	# on_lvm COMMAND...
	on_lvm() {
		traced env LVM_SYSTEM_DIR="$PWD/lvm" lvm "$@" \
			--driverloaded n >out
		cat out
	}
	on_lvm vgcreate -s 1M kaio "$loop"
	on_lvm lvcreate -an -Zn -Wn -n one -L 4M kaio
	on_lvm lvcreate -an -Zn -Wn -n two -L 8M kaio
	on_lvm vgcfgbackup -f backup kaio
	dd if="$loop" bs=1M count=1 iflag=direct | grep -aq '^two {'
	dd if=/dev/zero of="$loop" bs=1M count=1 oflag=direct
	id=$(sed -n '/pv0 {/,/}/s/.*id = "\(.*\)"/\1/p' backup)
	on_lvm pvcreate --uuid "$id" --restorefile backup "$loop"
	on_lvm vgcfgrestore -f backup kaio
	on_lvm pvck --dump metadata "$loop"
	grep '^two {' out
	on_lvm lvs --noheadings -o lv_name,lv_size --units m kaio
	[ "$(xargs <out)" = 'one 4.00m two 8.00m' ]
}

lvm_tests() {
	check "lvm2$1" lvm_restores
}
