# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# sysbench stores a checksum of each block and of its offset in it.

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
		on_dropin '' sysbench --config-file=gate fileio "$@" --file-io-mode=async \
			--file-test-mode="$mode" run >out
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
