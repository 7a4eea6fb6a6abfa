# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# With metaecc OCFS2 has a checksum in each block of metadata. fsck.ocfs2 reads
# ahead by kernel AIO, with a context for each read: wrong data is found, but where
# a completion is an error, it reads again in another way.

ocfs2_checks() {
	need mkfs.ocfs2 fsck.ocfs2
	need_strace
	need_direct_io
	truncate -s 64M image
	traced mkfs.ocfs2 -M local -F -x -b 4K -C 4K -N 1 \
		--fs-features=metaecc image
	traced fsck.ocfs2 -fn image
	dd if=/dev/urandom of=image bs=4K seek=5 count=1 conv=notrunc
	! traced fsck.ocfs2 -fn image || die "fsck.ocfs2 sees no difference"
}

ocfs2_tests() {
	check "ocfs2-tools$1" ocfs2_checks
}
