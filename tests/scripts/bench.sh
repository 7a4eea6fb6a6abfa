#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Whether the bench does what it says, not how fast anything is: each command,
# in each format, on next to nothing; and what it must refuse.
set -eu

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
bench=tests/bench/kaio-bench
file=$dir/file

fail() {
	cat "$dir/stdout" "$dir/stderr" 2>/dev/null || true
	die "$*"
}

# works ARGUMENT...: and says nothing on stderr but notes
works() {
	"$bench" "$@" >"$dir/stdout" 2>"$dir/stderr" || fail "kaio-bench $*"
	! grep -v '^note: ' "$dir/stderr" || fail "kaio-bench $*: on stderr"
}

# refuses WORDS ARGUMENT...: it fails, with these words
refuses() {
	words=$1
	shift
	! "$bench" "$@" >"$dir/stdout" 2>"$dir/stderr" ||
		fail "it works: kaio-bench $*"
	grep -q -e "$words" "$dir/stderr" || fail "no \"$words\": kaio-bench $*"
}

# misused WORDS ARGUMENT...: it refuses the command line, with 2 and these words
misused() {
	words=$1
	shift
	status=0
	"$bench" "$@" >"$dir/stdout" 2>"$dir/stderr" || status=$?
	[ "$status" -eq 2 ] || fail "status $status: kaio-bench $*"
	grep -q -e "$words" "$dir/stderr" || fail "no \"$words\": kaio-bench $*"
}

# says WORDS: the last one did
says() {
	grep -q -e "$1" "$dir/stdout" || fail "it does not say \"$1\""
}

# The drop-in is one of the libraries of that name, and no peer.
libaio_is_not_ours() {
	"$bench" --help | grep -q '^ *libaio ' || return 0
	works overhead -r 1 -t 0.1 -p 1:1 -e libaio
	says '^note: libaio is /'
	! grep -F "libaio is $PWD" "$dir/stdout" ||
		fail "the libaio of the bench is the drop-in"
}

is_json() {
	if command -v python3 >/dev/null; then
		python3 -m json.tool "$1" >/dev/null
	elif command -v jq >/dev/null; then
		jq . "$1" >/dev/null
	else
		echo "neither python3 nor jq is installed: JSON is not parsed"
	fi
}

# in_all_formats COLUMN,COLUMN ARGUMENT...: with these columns first in CSV
in_all_formats() {
	columns=$1
	shift
	works "$@"
	says "$(echo "$columns" | sed 's/.*,//; s/[()]/./g')"
	works "$@" --json
	is_json "$dir/stdout" || fail "not JSON: kaio-bench $*"
	works "$@" --csv
	head -n 1 "$dir/stdout" | grep -q -F -e "$columns" ||
		fail "no columns $columns: kaio-bench $*"
	awk -F , 'NR == 1 { n = NF } NF != n { bad = 1 }
		END { exit bad || NR < 2 }' "$dir/stdout" || fail "not CSV: kaio-bench $*"
}

# Ending a context takes some 30 ms: few of them.
each_command_works_in_each_format() {
	short='-r 2 -t 0 -a pread -e pread,kaio'
	# shellcheck disable=SC2086 # words
	{
		in_all_formats 'Depth,Batch,Engine,kOps/s,Ratio' \
			overhead $short -p 1:1,8:4 /dev/null "$file"
		in_all_formats 'Engine,Median (us),P99 (us),Ratio' \
			latency $short "$file"
		in_all_formats "$transfer_columns" transfer $short -b 4k -B 8k \
			-n 5 -d 3 "$file"
		works transfer $short -B 8k -n 2 --write "$file"
	}
	in_all_formats 'Engine,Median (us),P99 (us),Ratio' \
		spin -r 1 -t 0 -s 64k -D "$dir"
	in_all_formats 'Of,N,Engine,ns/op,Growth,Ratio' \
		scale -r 1 -t 0 -e pread -a pread
	in_all_formats 'Files,Engine,Runtime (s),Ratio,Threads' \
		files -r 1 -i 2 -D "$dir" -v -e pread,kaio
}

# The parts of a request are the whole, to the rounding: 5 operations each.
averages_add_up() {
	works transfer -r 3 -t 1 -e pread,kaio -a pread -b 4k -B 8k -n 5 --csv \
		"$file"
	awk -F , '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		{
			whole = 5 * $at["Avg Lat. (us)"]
			parts = $at["Avg Post (us)"] + $at["Avg Tx (us)"]
			rate = 5 * $at["Block Size (B)"] / parts / 1e3
			off = rate - $at["B/W (GB/Sec)"]
			if (whole - parts > 0.1 || parts - whole > 0.1 ||
			    off > 0.001 || off < -0.001)
				bad = 1
		}
		END { exit bad || NR < 2 }' "$dir/stdout" ||
		fail "Avg Lat. is not Avg Post and Avg Tx"
}

# The storage plugin's, to the letter.
transfer_columns='Block Size (B),Batch Size,B/W (GB/Sec),Avg Lat. (us),'
transfer_columns="${transfer_columns}Avg Prep (us),P99 Prep (us),"
transfer_columns="${transfer_columns}Avg Post (us),P99 Post (us),"
transfer_columns="${transfer_columns}Avg Tx (us),P99 Tx (us)"

help_explains_each_column() {
	works --help
	for command in overhead transfer files latency spin scale asynchronous \
		fill; do
		says "$command"
	done
	works transfer --help
	echo "$transfer_columns" | tr , '\n' | while read -r column; do
		says "  $column *[a-z1]"
	done
}

# What it decides is what the ratios say, and each row has a ratio or an error.
asynchronous_decides_by_the_ratio() {
	in_all_formats 'Operations,Submit (us),Total (us),Ratio' \
		asynchronous -r 1 -b 4k -n 2 "$dir/new"
	works asynchronous -r 3 -b 64k -n 4 --csv "$dir/new" "$file"
	[ "$(grep -c '^one extending write,' "$dir/stdout")" -eq 2 ] ||
		fail "not one row of each kind for each FILE"
	awk -F , '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		{ decision = $at["Decision"]; low = $at["Low"] }
		decision ~ /^(not supported|fails) [(](E[A-Z]*|errno [0-9]*)[)]$/ {
			bad += low != ""
			next
		}
		low == "" || $at["Submit (us)"] > $at["Total (us)"] { bad++ }
		$at["Total (us)"] < 101 {
			bad += $at["Total (us)"] < 100 && \
				decision != "too quick to tell"
			next
		}
		low < 0.29 { bad += decision != "asynchronous" }
		low > 0.31 && low < 0.79 { bad += decision != "mixed" }
		low > 0.81 { bad += decision != "within io_submit" }
		END { exit bad || NR != 1 + 2 * 17 }' "$dir/stdout" ||
		fail "the decisions are not those of the ratios"
	case $(stat -f -c %T "$dir") in
	ext2/ext3 | xfs)
		says '^write to hole (NOWAIT),,*fails (EAGAIN)'
		;;
	esac
	cmp -s "$file" "$dir/kept" || fail "it wrote to $file"
	[ -z "$(find "$dir" -name 'new*' -o -name 'file.*')" ] ||
		fail "its files are left behind"
}

every_engine_reads_what_is_there() {
	all=pread,pool,posix,posix-thread,raw,kaio,kaio-noring
	works overhead -r 1 -t 0 -p 1:1,8:2 -v -a raw -e $all "$file"
	works transfer -r 1 -t 0 -B 8k -n 5 -d 2 -v -a raw -e $all "$file"
	works overhead -r 1 -t 0 -p 4:4 -v --buffered "$file"
	works files -r 1 -i 2 -D "$dir" -v
	# Those beside it that were built and are allowed here.
	works latency -r 1 -t 0 -v "$file"
}

data_that_is_not_there_is_found() {
	wrong='data is not what the file holds'
	works overhead -r 1 -t 0 -p 1:1 -e pread,corrupt -a pread "$file"
	refuses "$wrong" overhead -v -p 1:1 -e pread,corrupt -a pread "$file"
	refuses "$wrong" transfer -v -B 4k -e pread,corrupt -a pread "$file"
	refuses "$wrong" latency -v -e pread,corrupt "$file"
	# Not by --verify: the warm-up of each turn.
	head -c 4096 "$file" >"$dir/spoilt"
	head -c 258048 /dev/zero >>"$dir/spoilt"
	refuses "$wrong" overhead -p 32:8 -e pread -a pread "$dir/spoilt"
	refuses "$wrong" transfer -B 4k -e pread -a pread "$dir/spoilt"
}

io_that_did_not_happen_has_no_rate() {
	refuses 'said to be done' overhead -p 1:1 -e pread,silent -a pread "$file"
	refuses 'said to be done' transfer -B 4k -e pread,silent -a pread "$file"
	works latency -r 1 -t 0 -e pread "$file"
	if grep -q 'keeps no count' "$dir/stdout"; then
		echo "the kernel counts no bytes of $file: not tested"
		return
	fi
	not='no rate for I/O that did not happen'
	refuses "$not" overhead -p 1:1 -e pread,idle -a pread "$file"
	refuses "$not" transfer -B 4k -e pread,idle -a pread "$file"
	refuses "$not" latency -e pread,idle "$file"
}

errors_say_what_to_do() {
	misused 'usage'
	misused 'usage' what
	misused '--help' overhead --what
	misused '--points 3:2: not a point' overhead -p 3:2
	misused '--engines what: no such engine' overhead -e what
	misused '--against what: no such engine' overhead -a what
	misused '--rounds 0: not a number' overhead -r 0
	misused '--block-max 8M.: not a number' transfer -B 8M.
	misused '--block 8192: above' transfer -b 8k -B 4k "$file"
	misused 'which file' fill
	misused 'which file' asynchronous
	misused 'not a multiple of 4096' asynchronous -b 512 "$dir/new"
	refuses 'No such file' overhead "$dir/none"
	refuses 'no file can be made there' asynchronous "$dir/none/new"
	refuses 'no file can be made there' asynchronous /proc/self/new
	refuses 'name a file in it' asynchronous "$dir"
	refuses 'neither a file nor a block device' asynchronous /dev/null
	head -c 1000 /dev/zero >"$dir/small"
	refuses 'too small' overhead "$dir/small"
	refuses 'too small' transfer -B 4M "$file"
	refuses 'does not hold the pattern' overhead -v --buffered -b 512 \
		"$dir/small"
	refuses 'has no O_DIRECT' overhead /proc/self/status
	if [ "$(cat /proc/sys/fs/aio-max-nr)" -lt 1048576 ]; then
		refuses 'not enough quota' overhead -e kaio -a kaio -p 1048576:8
		refuses 'fs.aio-max-nr' overhead -e raw -a raw -p 1048576:8
	fi
}

works fill -s 256k "$file"
cp "$file" "$dir/kept"
libaio_is_not_ours
each_command_works_in_each_format
averages_add_up
asynchronous_decides_by_the_ratio
help_explains_each_column
every_engine_reads_what_is_there
data_that_is_not_there_is_found
io_that_did_not_happen_has_no_rate
errors_say_what_to_do
[ -z "$(find "$dir" -name 'kaio-bench.*')" ] || fail "files are left behind"
