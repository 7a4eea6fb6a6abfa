#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Runs each example, with the ring and without it, and looks at what it says.
set -eu

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"

# refuses COMMAND...: it fails, says why on stderr, and nothing on stdout
refuses() {
	! "$@" >"$dir/stdout" 2>"$dir/stderr" || die "it works: $*"
	[ -s "$dir/stderr" ] || die "no error message: $*"
	[ ! -s "$dir/stdout" ] || die "speaks on standard output: $*"
}

# copies BYTES: over a longer file, and back to the byte
copies() {
	head -c "$1" /dev/urandom >"$dir/from"
	head -c 3000000 /dev/zero >"$dir/to"
	examples/copy "$dir/from" "$dir/to" >"$dir/stdout" 2>"$dir/stderr" ||
		die "copy of $1 bytes: $(cat "$dir/stderr")"
	cmp "$dir/from" "$dir/to" || die "copy of $1 bytes differs"
	grep -q ' operations, [0-9]* io_submit, ' "$dir/stdout" ||
		die "no statistics: $(cat "$dir/stdout")"
	! grep -v 'not both take O_DIRECT' "$dir/stderr" ||
		die "progress, and no terminal"
}

# exemplary FILE...: short enough to be read as a whole, and no result of a push
# or post is ignored
exemplary() {
	for file; do
		[ "$(wc -l <"$file")" -lt 100 ] || die "$file has 100 lines"
		! grep -E '^[[:space:]]*kaio_(queue_push|transfer_post)\([^()]*\);$' "$file" ||
			die "$file ignores what that returns"
	done
}

# All its records are there, in order, and it is as large as it was allocated.
wal() {
	examples/wal "$dir/log" >"$dir/stdout" || die "wal"
	sed 's/: [0-9]* us a commit$//' "$dir/stdout" >"$dir/ways"
	printf '%s\n' RWF_DSYNC fdatasync | cmp - "$dir/ways" ||
		die "wal printed: $(cat "$dir/stdout")"
	tr -d '\0' <"$dir/log" >"$dir/records"
	awk 'BEGIN { while (n < 512) print "record", n++ }' |
		cmp - "$dir/records" || die "wal: records are missing"
	[ "$(wc -c <"$dir/log")" -eq $((512 * 4096)) ] || die "wal: its size"
	refuses examples/wal
	refuses examples/wal "$dir"
	refuses examples/wal /dev/full
}

# 32 commits in each way: their writes and their syncs, as the kernel has them.
wal_syncs() {
	if ! strace -o "$dir/calls" true 2>"$dir/stderr"; then
		skip "wal, its system calls: strace is not there, or not allowed"
		return
	fi
	# Of the sanitizers, that of leaks does not go with ptrace.
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=io_submit \
		-o "$dir/calls" examples/wal "$dir/log" >"$dir/stdout" ||
		die "wal, under strace"
	awk '{
		group += gsub(/RWF_DSYNC, aio_lio_opcode=IOCB_CMD_PWRITE/, "")
		record += gsub(/IOCB_CMD_PWRITE/, "")
		sync += gsub(/IOCB_CMD_FDSYNC/, "")
	}
	END { exit group != 32 || record != 32 * 8 || sync != 32 }' \
		"$dir/calls" || die "wal: not the system calls of 32 commits"
}

# random_read DEPTH: its histogram has every read, and at least DEPTH of them
random_read() {
	examples/random-read "$dir/from" "$1" 20 >"$dir/stdout" ||
		die "random-read at a depth of $1"
	awk -v depth="$1" '
	/^ *[0-9]+ us +[0-9]+$/ { sum += $3 }
	/^[0-9]+ reads of 4096 bytes$/ { reads = $1 }
	END { exit sum < depth || sum != reads }' "$dir/stdout" ||
		die "random-read printed: $(cat "$dir/stdout")"
}

# unaligned_tail BYTES...: appends so many bytes each time
unaligned_tail() {
	: >"$dir/pieces"
	rm -f "$dir/to"
	for bytes; do
		head -c "$bytes" /dev/urandom >"$dir/piece"
		cat "$dir/piece" >>"$dir/pieces"
		examples/unaligned-tail "$dir/to" <"$dir/piece" ||
			die "unaligned-tail of $bytes bytes"
		cmp "$dir/to" "$dir/pieces" ||
			die "unaligned-tail: differs after $bytes bytes"
	done
}

# The one write is short, at the limit, and its rest fails.
unaligned_tail_is_limited() {
	rm -f "$dir/limited"
	head -c 60000 "$dir/from" >"$dir/piece"
	trap '' XFSZ
	ulimit -f 100
	refuses examples/unaligned-tail "$dir/limited" <"$dir/piece"
	grep -q 'write: ' "$dir/stderr" ||
		die "unaligned-tail, limited: $(cat "$dir/stderr")"
}

# nowait FILE BLOCKS: each was read in one of the two ways
nowait() {
	examples/nowait "$1" >"$dir/stdout" || die "nowait"
	awk -v blocks="$2" '
	/^[0-9]+ blocks at once, [0-9]+ by the thread$/ { sum = $1 + $5 }
	END { exit sum != blocks }' "$dir/stdout" ||
		die "nowait printed: $(cat "$dir/stdout")"
}

nowait_uncached() {
	case $(stat -f -c %T "$dir") in
	tmpfs | ramfs)
		skip "nowait, uncached: $dir is memory"
		return
		;;
	esac
	if dd if="$dir/from" of="$dir/uncached" conv=fsync 2>"$dir/stderr" &&
		dd if="$dir/uncached" iflag=nocache count=0 2>"$dir/stderr"; then
		nowait "$dir/uncached" 184
		! grep -q ' 0 by the thread' "$dir/stdout" ||
			die "nowait: the thread had nothing to do"
	else
		skip "nowait, uncached: dd has no nocache"
	fi
}

# Files of no block, of parts and of whole blocks, and what is no file.
scan() {
	rm -rf "$dir/folder"
	mkdir "$dir/folder" "$dir/folder/folder"
	mkfifo "$dir/folder/pipe"
	for bytes in 0 1 65535 65536 65537 131072 3000000; do
		head -c "$bytes" "$dir/from" >"$dir/folder/$bytes"
	done
	for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
		echo "$n" >"$dir/folder/small$n"
	done
	(
		cd "$dir/folder"
		LC_ALL=C
		for name in [0-9]* small*; do
			echo "$(wc -l <"$name") $name"
		done
	) >"$dir/lines"
	examples/scan "$dir/folder" >"$dir/stdout" || die "scan"
	cmp "$dir/lines" "$dir/stdout" ||
		die "scan printed: $(cat "$dir/stdout")"
	mkdir -p "$dir/empty"
	examples/scan "$dir/empty" >"$dir/stdout" || die "scan of no file"
	[ ! -s "$dir/stdout" ] || die "scan of no file printed something"
	refuses examples/scan "$dir/none"
}

cookbook() {
	head -c 3000000 /dev/urandom >"$dir/from"
	wal
	wal_syncs
	random_read 1
	random_read 32
	random_read 256
	refuses examples/random-read
	refuses examples/random-read "$dir/none"
	refuses examples/random-read "$dir"
	refuses examples/random-read "$dir/text"
	refuses examples/random-read "$dir/from" 0
	refuses examples/random-read "$dir/from" 257
	unaligned_tail 1
	unaligned_tail 0 1 65534 1 1 4095 65536 262144 700000 0 131072
	(unaligned_tail_is_limited)
	refuses examples/unaligned-tail
	refuses examples/unaligned-tail "$dir"
	nowait "$dir/text" 1
	nowait "$dir/from" 184
	nowait_uncached
	refuses examples/nowait "$dir/none"
	scan
}

examples() {
	echo "some text" >"$dir/text"
	examples/hello-read "$dir/text" | cmp "$dir/text" - ||
		die "hello-read printed something else"
	examples/hello-read >"$dir/stdout" || die "hello-read"
	[ -s "$dir/stdout" ] || die "hello-read printed nothing"
	refuses examples/hello-read "$dir/none"
	refuses examples/hello-read "$dir"

	for bytes in 0 1 4095 4096 262144 262145 20000000; do
		copies "$bytes"
	done
	cp "$dir/from" "$dir/same"
	examples/copy "$dir/same" "$dir/same" >/dev/null 2>&1 ||
		die "a file onto itself"
	cmp "$dir/from" "$dir/same" || die "a file onto itself is damaged"
	refuses examples/copy
	refuses examples/copy "$dir/none" "$dir/to"
	refuses examples/copy "$dir/from" "$dir"
	refuses examples/copy "$dir/from" /dev/full

	for bytes in 0 1 511 512 262144 262145 5000000; do
		head -c "$bytes" /dev/urandom >"$dir/from"
		examples/direct-reader "$dir/from" >"$dir/stdout" ||
			die "direct-reader of $bytes bytes"
		cksum "$dir/from" | cmp - "$dir/stdout" ||
			die "direct-reader of $bytes bytes is not cksum"
	done
	refuses examples/direct-reader
	refuses examples/direct-reader "$dir/none"
	refuses examples/direct-reader "$dir"

	head -c 300000 "$dir/from" >"$dir/part"
	for file in "$dir/text 10" "$dir/part 262144"; do
		bytes=${file##* }
		examples/transfer "${file% *}" >"$dir/stdout" || die "transfer"
		printf 'post %d: %d bytes\n' 1 "$bytes" 2 "$bytes" |
			cmp - "$dir/stdout" ||
			die "transfer printed: $(cat "$dir/stdout")"
	done
	refuses examples/transfer "$dir/none"
	refuses examples/transfer "$dir"

	examples/poll "$dir/text" >"$dir/stdout" || die "poll"
	printf 'file: 10 bytes\npipe: readable\n' | cmp - "$dir/stdout" ||
		die "poll printed: $(cat "$dir/stdout")"
	refuses examples/poll "$dir/none"

	examples/epoll-loop "$dir/text" >"$dir/stdout" || die "epoll-loop"
	printf '%s\n' 'socket: asks for the file' 'file: 10 bytes' \
		'socket: closed' | cmp - "$dir/stdout" ||
		die "epoll-loop printed: $(cat "$dir/stdout")"
	refuses examples/epoll-loop "$dir/none"

	for bytes in 0 10 300000 1048576; do
		head -c "$bytes" "$dir/from" >"$dir/part"
		examples/threads "$dir/part" >"$dir/stdout" || die "threads"
		echo "$bytes bytes" | cmp - "$dir/stdout" ||
			die "threads of $bytes bytes: $(cat "$dir/stdout")"
	done
	refuses examples/threads "$dir/none"
	refuses examples/threads "$dir"
}

exemplary "$source"/examples/*.c "$source"/examples/*.cc
examples
cookbook
KAIO_NO_RING=1
export KAIO_NO_RING
examples
cookbook
