# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# What the comparisons by fio share: their options, where the drop-in is, and the
# medians. To be included, with the script's arguments.

rounds=11 seconds=1 check=0

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

usage() {
	echo "usage: tests/bench/${0##*/} [-n ROUNDS] [-t SECONDS] [--check]" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	-n | -t)
		case ${2:-} in '' | 0* | *[!0-9]*) usage ;; esac
		if [ "$1" = -n ]; then rounds=$2; else seconds=$2; fi
		shift
		;;
	--check) check=1 ;;
	*) usage ;;
	esac
	shift
done

libaiodir=${libaiodir:-lib/kaio-libaio}
[ -e "$libaiodir/libaio.so.1" ] || die "there is no libaio.so.1 in $libaiodir"
libaiodir=$(realpath "$libaiodir")
command -v fio >/dev/null || die "fio is not installed"
LD_LIBRARY_PATH=$libaiodir ldd "$(command -v fio)" |
	grep -Fq "$libaiodir/libaio.so.1" ||
	die "fio does not take $libaiodir/libaio.so.1"

median() {
	sort -n "$1" | awk '{ a[NR] = $1 }
		END { print (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'
}
