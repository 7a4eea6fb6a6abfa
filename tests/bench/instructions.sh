#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# User-space instructions per operation, counted by callgrind: the difference of
# two runs, so that what happens once drops out. They repeat exactly, but for
# what the compiler makes of the source: the table is kept with its version, and
# made of an ordinary build, -O2.
#
#	tests/bench/instructions.sh [--check | --write]
#
# Runs from the build directory, after make tests/bench/instructions.
# --check compares with the table that is kept, and fails where a figure is more
# than 3 % off, or where posting a transfer again costs more than pushing its
# operations; exits 77 where nothing can be compared. --write keeps this one.
set -eu

table=${srcdir:-$(dirname "$0")/../..}/tests/bench/instructions.txt
program=tests/bench/instructions
times=1000
tolerance=3

skip() {
	echo "SKIP: $*"
	exit 77
}

# The libaio that is installed, not the one that was built.
find_libaio() {
	for name in libaio.so.1 libaio.so.1t64; do
		# shellcheck disable=SC2086 # words
		LIBAIO=$(${compiler:-cc} "-print-file-name=$name")
		[ "$LIBAIO" = "$name" ] || break
	done
	export LIBAIO
}

# What the figures depend on.
builder() {
	# shellcheck disable=SC2086 # words
	version=$(${compiler:-cc} -dumpversion) || version=unknown
	echo "$(uname -m), $compiler ${version%%.*}, $flags"
}

# collected ROW DEPTH BATCH TIMES: all its instructions; none if not there
collected() {
	status=0
	row=$1
	shift
	case $row in
	# Of these the function of that name alone.
	push | post) set -- "--toggle-collect=$row" "$program" "$row-again" "$@" ;;
	*) set -- "$program" "$row" "$@" ;;
	esac
	KAIO_NO_RING=0 valgrind --tool=callgrind --callgrind-out-file=/dev/null \
		"$@" 2>"$log" || status=$?
	case $status in
	0) awk '/Collected :/ { print $4 }' "$log" ;;
	77) ;;
	*)
		cat "$log" >&2
		return 1
		;;
	esac
}

# per_operation ROW DEPTH BATCH
per_operation() {
	once=$(collected "$@" "$times")
	thrice=$(collected "$@" $((3 * times)))
	if [ -z "$once" ]; then
		echo -
		return
	fi
	awk -v a="$once" -v b="$thrice" -v n="$(($3 * 2 * times))" \
		'BEGIN { printf "%.1f\n", (b - a) / n }'
}

row() {
	printf '%-12s' "$1"
	for at in 1,1 32,8 128,32; do
		figure=$(per_operation "$1" "${at%,*}" "${at#*,}")
		printf ' %9s' "$figure"
	done
	echo
}

measure() {
	cat <<END
# User-space instructions per 512-byte write to /dev/null at (depth,batch);
# see instructions.c for what the rows do, instructions.sh for how to repeat it.
# $(builder)
END
	printf '%-12s %9s %9s %9s\n' engine 1,1 32,8 128,32
	for engine in raw raw-in-place kaio kaio-submit kaio-run kaio-shared libaio \
		push-again post-again push post; do
		row "$engine"
	done
}

compare() {
	awk -v tolerance="$tolerance" '
	/^#/ || $1 == "engine" { next }
	NR == FNR { for (i = 2; i <= 4; i++) kept[$1, i] = $i; next }
	{
		for (i = 2; i <= 4; i++) {
			was = kept[$1, i]
			if (was == "-" || $i == "-")
				continue
			off = was ? ($i - was) / was * 100 : 100
			if (off > tolerance || off < -tolerance) {
				printf "%s: %s, was %s: %+.1f %%\n", \
					$1, $i, was, off
				bad = 1
			}
			if ($1 == "push")
				push[i] = $i
			if ($1 == "post" && $i > push[i]) {
				printf "post: %s, but push: %s\n", $i, push[i]
				bad = 1
			}
		}
	}
	END { exit bad }' "$table" -
}

command -v valgrind >/dev/null || skip "valgrind is not installed"
compiler=$(sed -n 's/^CC = //p' Makefile)
flags=$(sed -n 's/^CFLAGS = //p' Makefile)
find_libaio
log=$(mktemp)
trap 'rm -f "$log"' EXIT
case $#:${1:-} in
0:)
	measure
	;;
1:--write)
	measure >"$log.table"
	cat "$log.table"
	mv "$log.table" "$table"
	;;
1:--check)
	grep -qxF "# $(builder)" "$table" ||
		skip "the table is of another build than $(builder)"
	measured=$(measure)
	echo "$measured"
	echo "$measured" | compare
	;;
*)
	echo "usage: instructions.sh [--check | --write]" >&2
	exit 2
	;;
esac
