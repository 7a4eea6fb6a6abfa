# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# To be sourced. A loop device does its work on a worker of the kernel's. Where
# that shares a processor with the program, a program that sleeps hands over to
# it at once, and one that watches waits for another processor to wake up; apart
# from each other, both have to. Which it is, the scheduler decides anew from
# time to time, unless the workers are kept off the program's processor.

worker_mask=/sys/devices/virtual/workqueue/cpumask

# stand_apart: sets apart, the command to run a program on a processor without
# workers; false, and why it cannot, in reason
stand_apart() {
	reason=
	if ! command -v taskset >/dev/null; then
		reason='taskset is not installed'
	elif [ "$(getconf _NPROCESSORS_ONLN)" -lt 2 ]; then
		reason='there is one processor'
	elif ! old_mask=$(cat $worker_mask 2>/dev/null) ||
		! echo 2 2>/dev/null >$worker_mask; then
		reason='the workers cannot be moved'
	fi
	[ -z "$reason" ] || return 1
	apart='taskset -c 0'
}

# Undoes it, and nothing else.
stand_together() {
	[ -z "${apart:-}" ] || echo "$old_mask" >$worker_mask
	apart=
}
