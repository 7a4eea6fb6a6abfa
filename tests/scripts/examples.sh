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

examples
KAIO_NO_RING=1
export KAIO_NO_RING
examples
