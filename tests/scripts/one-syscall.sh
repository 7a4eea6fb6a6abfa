#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# At depth 1 on /dev/null an operation costs one system call, io_submit, and
# nothing else: a thousand operations more are a thousand system calls more.
set -eu

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"

command -v strace >/dev/null || skip_all "strace is not installed"
strace -o /dev/null true 2>/dev/null || skip_all "ptrace is not allowed here"

# calls OPERATIONS: how many system calls, all and of io_submit
calls() {
	status=0
	strace -c -o "$dir/count" tests/scripts/one-syscall "$1" || status=$?
	[ "$status" -ne 77 ] || skip_all "there is no ring to collect from"
	[ "$status" -eq 0 ]
	cat "$dir/count" >&2
	awk '$NF == "total" { all = $4 } $NF == "io_submit" { submit = $4 }
		END { print all, submit }' "$dir/count"
}

thousand=$(calls 1000)
two_thousand=$(calls 2000)
echo "1000 operations: ${thousand% *} system calls, ${thousand#* } io_submit"
echo "2000: ${two_thousand% *}, ${two_thousand#* }"
[ "${thousand#* }" -eq 1000 ]
[ "${two_thousand#* }" -eq 2000 ]
[ $((${two_thousand% *} - ${thousand% *})) -eq 1000 ]
