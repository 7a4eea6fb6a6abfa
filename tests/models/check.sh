#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Checks the models with spin, each exhaustively: what stands for lib/ has no
# error, and each wrong variant has one, or nothing would be known of the former.
# With arguments, one search of these: MODEL DEFINES. Needs spin and a C compiler;
# writes nothing here. The last line: N models, N wrong variants, N failed.
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 1
command -v spin >/dev/null || { echo "there is no spin"; exit 77; }

# search MODEL DEFINES...: all its states, for an error or, with -DLIVE, for a
# cycle in which nothing but the threads moves
search() {
	model=$1
	shift
	case " $* " in
	*' -DLIVE '*) way=-DNP option=-l ;;
	*) way=-DSAFETY option= ;;
	esac
	spin -a "$@" "$here/$model.pml" &&
		# Most of the time goes into this.
		${CC:-gcc} -O0 -w $way -o pan pan.c &&
		./pan $option -m1000000 -w20 >pan.log
	cat pan.log
	! grep -q -e 'max search depth too small' -e 'out of memory' pan.log
}

# one MODEL DEFINES...: whether it is as it should be
one() {
	dir=$(mktemp -d) || exit 1
	trap 'rm -rf "$dir"' EXIT
	cd "$dir" || exit 1
	search "$@" >log 2>&1 || { cat log; exit 1; }
	errors=$(sed -n 's/.*errors: //p' pan.log)
	states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.log)
	case " $*" in
	*' -DWRONG_'*) [ "${errors:-0}" -gt 0 ] ;;
	*) [ "${errors:-1}" -eq 0 ] ;;
	esac || { cat log; echo "FAIL: $*"; exit 1; }
	echo "ok: $*: $states states"
}

if [ $# -gt 0 ]; then
	one "$@"
	exit
fi

list=$(mktemp) || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$list" "$log"' EXIT
trap 'exit 1' HUP INT TERM

# What the three threads do, and what else is so: see queue.pml.
sed -e 's/#.*//' -e '/^$/d' -e 's/^three \([^ ]*\) \([^ ]*\) \([^ ]*\)/queue -DT0=\1 -DT1=\2 -DT2=\3/' >"$list" <<'END'
ring
ring -DLOCKED
ring -DWRONG_NO_WMB
ring -DWRONG_NO_ACQUIRE
ring -DWRONG_NO_RELEASE
ring -DWRONG_NO_WRAP
ring -DWRONG_UNLOCKED
ring -DWRONG_CAS

# Two that wait and a drain; each is told of what the reaper leaves to it.
three WAIT,0,0 WAIT,0,0 DRAIN,0,0 -DOPS=2
three WAIT,0,0 WAIT,0,0 DRAIN,0,0 -DOPS=2 -DTIMED=4
three WAIT,0,0 DRAIN,0,0 DRAIN,0,0 -DOPS=2
three WAIT,0,0 DRAIN,0,0 DRAIN,0,0 -DOPS=2 -DWRONG_ONE_SIGNAL
three DRAIN,0,0 WAIT,0,0 0,0,0 -DOPS=2 -DWRONG_SLEEPERS_UNTOLD

# What the kernel refuses to one is another's.
three WAIT,0,0 PUSH_ONLY,DRAIN,0 0,0,0 -DOPS=1 -DREJECTS=1 -DEVENTFD
three WAIT,0,0 PUSH_ONLY,DRAIN,0 0,0,0 -DOPS=1 -DREJECTS=1 -DSPIN
three WAIT,0,0 PUSH_ONLY,DRAIN,0 0,0,0 -DOPS=1 -DREJECTS=1 -DWRONG_SLEEPS_UNTOLD
three WAIT,0,0 PUSH,0,0 DRAIN,0,0 -DOPS=1 -DREJECTS=1
three WAIT,0,0 PUSH,0,0 DRAIN,0,0 -DOPS=1 -DREJECTS=1 -DWRONG_REAPER_NOT_TOLD
three WAIT,0,0 PUSH,0,0 DRAIN,0,0 -DOPS=1 -DREJECTS=1 -DWRONG_SIGNALS_NOBODY
three WAIT,0,0 PUSH,0,0 DRAIN,0,0 -DOPS=1 -DREJECTS=1 -DWRONG_DRAIN_TAKES_NEWS

# The backlog, and what is cancelled in it.
three WAIT,0,0 CANCEL,0,0 DRAIN,0,0 -DOPS=2 -DDEPTH=1
three WAIT_TWO,0,0 WAIT,0,0 PUSH,0,0 -DOPS=2 -DDEPTH=1

# No memory for the backlog, or for the poll of the wakeup.
three WAIT,0,0 PUSH,0,0 0,0,0 -DIDLE -DSHORTAGES=1
three WAIT,0,0 PUSH,0,0 0,0,0 -DIDLE -DSHORTAGES=1 -DWRONG_SHORTAGE_NOT_TOLD
three WAIT,0,0 WAKE,0,0 DRAIN,0,0 -DIDLE -DOPS=1 -DUNARMED=1
three WAIT,0,0 WAKE,0,0 DRAIN,0,0 -DIDLE -DUNARMED=1 -DWRONG_UNARMED_SLEEP

# Wakes.
three WAIT,0,0 WAKE,0,0 PUSH,DRAIN,0 -DIDLE
three WAIT,0,0 WAKE,0,0 PUSH,DRAIN,0 -DIDLE -DNO_RING
three WAIT,0,0 WAKE,0,0 0,0,0 -DIDLE -DWRONG_WAKE_RAISES_NOTHING
three WAIT,0,0 WAIT,0,0 PUSH,PUSH,0 -DIDLE

# Callbacks, in which a thread may stay.
three RUN,0,0 RUN,0,0 WAIT,0,0 -DOPS=3
three RUN,0,0 RUN,0,0 WAIT,0,0 -DOPS=3 -DWRONG_CALLS_BACK_LOCKED

# Threads that are cancelled.
three WAIT,0,0 WAIT,0,0 WAIT,0,0 -DOPS=3 -DCANCELLED=2
three WAIT,0,0 WAIT,0,0 WAIT,0,0 -DOPS=3 -DCANCELLED=2 -DWRONG_CANCELLED_UNTOLD
three WAIT_TWO,0,0 RUN,0,0 DRAIN,0,0 -DOPS=2 -DCANCELLED=5

# Calls that do not wait, and an event loop.
three WAIT,0,0 REAP,0,0 PUSH,0,0 -DOPS=1
three WAIT,0,0 REAP,0,0 PUSH,0,0 -DOPS=1 -DSPIN
three WAIT,0,0 REAP,0,0 0,0,0 -DOPS=1 -DWRONG_COLLECTS_BESIDE
three WAIT,0,0 LOOP,0,0 DRAIN,0,0 -DEVENTFD -DOPS=2 -DBATCH=1
three WAIT,0,0 LOOP,0,0 DRAIN,0,0 -DEVENTFD -DOPS=2 -DBATCH=1 -DNO_RING
three WAIT,0,0 LOOP,0,0 DRAIN,0,0 -DEVENTFD -DOPS=2 -DREJECTS=1 -DNO_RING
three WAIT,0,0 LOOP,0,0 0,0,0 -DEVENTFD -DOPS=2 -DNO_RING -DWRONG_LOWERED_MEANWHILE
three WAIT,0,0 LOOP,0,0 PUSH,0,0 -DEVENTFD -DOPS=1 -DWRONG_LEFT_IN_RING
three LOOP,0,0 PUSH,0,0 PUSH,0,0 -DEVENTFD -DWRONG_LOWERED_AFTER

# Nobody keeps others awake.
three WAIT,0,0 DRAIN,0,0 DRAIN,0,0 -DLIVE -DOPS=2 -DREJECTS=1
three DRAIN,0,0 DRAIN,0,0 DRAIN,0,0 -DLIVE -DOPS=2 -DREJECTS=1
three DRAIN,0,0 DRAIN,0,0 DRAIN,0,0 -DLIVE -DOPS=2 -DREJECTS=1 -DWRONG_TELLS_AGAIN
END

xargs -P "$(getconf _NPROCESSORS_ONLN)" -L 1 "$0" <"$list" 2>&1 | tee "$log"
passed=$(grep -c '^ok: ' "$log")
wrong=$(grep -c '^ok: .* -DWRONG_' "$log")
failed=$(($(wc -l <"$list") - passed))
echo "$((passed - wrong)) models, $wrong wrong variants, $failed failed"
[ "$failed" -eq 0 ]
