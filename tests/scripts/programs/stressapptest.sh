# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# stressapptest writes patterns to a disk, reads them again, and compares.

stressapptest_disk() {
	need stressapptest
	need_direct_io
	truncate -s 64M disk
	loop_device disk
	start stressapptest -M 16 -m 0 -s 2 -d "$loop" --destructive \
		--random-threads 1 --max_errors 1 >out
	watch
	wait "$process"
	cat out
	grep '^Status: PASS' out
}

stressapptest_tests() {
	check "stressapptest: a disk$1" stressapptest_disk
}
