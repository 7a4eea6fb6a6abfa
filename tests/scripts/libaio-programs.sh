#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Runs unmodified programs on the drop-in for libaio, each with a check of the
# data. Called by CI, not by make check, in a build tree, or with libaiodir, the
# folder of libaio.so.1; with arguments, only the programs of these names. Ends
# with one line: N passed, N failed, N skipped.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
libaiodir=${libaiodir:-lib/kaio-libaio}
[ -e "$libaiodir/libaio.so.1" ] ||
	skip_all "there is no libaio.so.1 in $libaiodir"
libaiodir=$(realpath "$libaiodir")
library=$(realpath "$libaiodir/libaio.so.1")
cd "$dir" || exit 99
PATH=$PATH:/usr/sbin:/sbin
passed=0
skipped=0

# skip_test REASON: in its last line
skip_test() {
	echo "$*"
	exit 77
}

need() {
	for program; do
		command -v "$program" >/dev/null ||
			skip_test "$program is not installed"
	done
}

need_root() {
	[ "$(id -u)" -eq 0 ] || skip_test "$1 needs root"
}

# Without it the kernel does all the work inside io_submit.
need_direct_io() {
	dd if=/dev/zero of=probe bs=4096 count=1 oflag=direct 2>/dev/null ||
		skip_test "$(df --output=fstype . | tail -n 1) has no O_DIRECT"
}

# at_end COMMAND: of the test, however it ends; the last one first
at_end() {
	ending="$1; ${ending:-}"
	# shellcheck disable=SC2064 # as it is now
	trap "$ending" EXIT
	trap 'exit 1' HUP INT TERM
}

# loop_device FILE: sets loop, until the end of the test
loop_device() {
	need_root "a loop device"
	loop=$(losetup --find --show --direct-io=on "$1" 2>&1) ||
		skip_test "$loop"
	at_end "losetup --detach $loop"
}

# retry COMMAND...: until it succeeds, for half a minute
retry() {
	tries=300
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || die "it does not succeed: $*"
		sleep 0.1
	done
}

# check NAME COMMAND...: one test
check() {
	name=$1
	shift
	rm -rf "${dir:?}"/*
	(
		set -e
		"$@"
	) >log 2>&1
	status=$?
	case $status in
	0)
		passed=$((passed + 1))
		echo "PASS: $name"
		;;
	77)
		skipped=$((skipped + 1))
		echo "SKIP: $name: $(tail -n 1 log)"
		;;
	*)
		failed=$((failed + 1))
		cat log
		echo "FAIL: $name"
		;;
	esac
}

# mapped_dropin COMMAND...: maps has it, and no other libaio
mapped_dropin() {
	[ -s maps ] || die "nobody looked at the maps of: $*" >&2
	mapped=$(sed -n 's:^[^/]*/:/:p' maps | sort -u)
	echo "$mapped" | grep -Fqx "$library" ||
		die "it runs without $library: $mapped" >&2
	others=$(echo "$mapped" | grep -Fvx "$library" | grep '/libaio') || :
	[ -z "$others" ] || die "it runs on $others" >&2
}

# A program that hangs ignores SIGTERM, and fio's processes leave the process
# group that timeout kills.
# shellcheck disable=SC2016 # for the shell below timeout
run='"$@" &
	trap "pkill -KILL -P $!; kill -KILL $!" TERM
	echo $! >pid
	wait $!'

# on_dropin INPUT COMMAND...: the command reads ./gate first, and waits there,
# with its libraries loaded, until /proc/PID/maps is copied.
on_dropin() {
	input=$1
	shift
	rm -f gate pid maps
	mkfifo gate pid
	{
		read -r process <pid
		exec 3>gate
		cat "/proc/$process/maps" >maps
		printf '%s' "$input" >&3
	} &
	gatekeeper=$!
	status=0
	timeout 60 sh -c "$run" sh \
		env LD_LIBRARY_PATH="$libaiodir" "$@" || status=$?
	# It still waits for a program that never came to the gate.
	kill "$gatekeeper" 2>/dev/null || :
	wait "$gatekeeper" || :
	[ "$status" -ne 124 ] || die "it hangs: $*" >&2
	[ "$status" -eq 0 ] || die "status $status: $*" >&2
	mapped_dropin "$@"
}

# copy_maps: of each process that strace says is stopped, which then goes on
copy_maps() {
	while read -r process event; do
		case $event in
		*'stopped by SIGSTOP'*)
			cat "/proc/$process/maps" >>maps || :
			kill -CONT "$process" || :
			;;
		esac
	done
}

need_strace() {
	need strace
	strace -o /dev/null true || skip_test "ptrace is not allowed here"
}

# traced COMMAND...: one that has no gate is stopped by strace when it made a
# context, until /proc/PID/maps is copied. Returns the status of the command.
traced() {
	rm -f trace maps
	mkfifo trace
	copy_maps <trace &
	copier=$!
	status=0
	timeout -s KILL 60 strace -f -o trace -e trace=io_setup \
		-e inject=io_setup:signal=SIGSTOP -e signal=SIGSTOP \
		env LD_LIBRARY_PATH="$libaiodir" "$@" || status=$?
	# It still waits for a strace that never came.
	: <>trace
	wait "$copier" || :
	[ "$status" -lt 124 ] || die "it hangs: $*" >&2
	mapped_dropin "$@"
	return "$status"
}

# has_context PROCESS: and a copy of its maps, which show it
has_context() {
	grep . "/proc/$(pgrep -P "$1")/maps" >maps && grep -q '/\[aio\]' maps
}

# start COMMAND...: on the drop-in and in the background, as PROCESS. Ends with
# the test, after a minute at the latest.
start() {
	timeout -s KILL 60 env LD_LIBRARY_PATH="$libaiodir" "$@" &
	process=$!
	at_end "pkill -KILL -P $process || :"
}

# watch: the process, until it has a context
watch() {
	retry has_context "$process"
	mapped_dropin "process $process"
}

for program in "$source"/tests/scripts/programs/*.sh; do
	# shellcheck source=/dev/null
	. "$program"
done
[ $# -gt 0 ] || set -- fio qemu sysbench btreplay lvm mariadb ocfs2 sanlock \
	sbd stenotype stressapptest tgt thin_provisioning

programs() {
	suffix=$1
	shift
	for program; do
		"${program}_tests" "$suffix"
	done
}

programs '' "$@"
KAIO_NO_RING=1
export KAIO_NO_RING
programs ', without the ring' "$@"
echo "$passed passed, $failed failed, $skipped skipped"
[ $((passed + failed)) -gt 0 ] || exit 77
[ "$failed" -eq 0 ]
