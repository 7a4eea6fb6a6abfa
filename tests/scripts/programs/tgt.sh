# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# tgtd serves a file by iSCSI to qemu-img, which copies to it and back.

# tgt MODE OPERATION OPTION...
tgt() {
	mode=$1
	operation=$2
	shift 2
	tgtadm --lld iscsi --mode "$mode" --op "$operation" --tid 1 "$@"
}

tgt_serves() {
	need tgtd qemu-img
	need_root tgtd
	need_direct_io
	qemu-img convert -f raw -O raw iscsi://127.0.0.1:1/none/1 none 2>&1 |
		grep -q 'Unknown protocol' &&
		skip_test "qemu-block-extra is not installed"
	TGT_IPC_SOCKET=$PWD/tgt
	export TGT_IPC_SOCKET
	head -c 16M /dev/urandom >source
	truncate -s 16M disk back
	start tgtd -f --iscsi portal=127.0.0.1:53260
	retry tgt target new -T iqn.2000-01.kaio:disk
	tgt logicalunit new --lun 1 --bstype aio -b "$PWD/disk"
	tgt target bind -I ALL
	watch
	url=iscsi://127.0.0.1:53260/iqn.2000-01.kaio:disk/1
	timeout 60 qemu-img convert -n -m 16 -W -f raw -O raw source "$url"
	cmp source disk
	timeout 60 qemu-img convert -n -m 16 -W -f raw -O raw "$url" back
	cmp source back
}

tgt_tests() {
	check "tgt$1" tgt_serves
}
