#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# kaio-info: its sentence for what is missing here and for each kind of file, its
# exit status, and its JSON.
set -eu

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"

info=$PWD/examples/kaio-info

# runs STATUS COMMAND...
runs() {
	expected=$1
	shift
	status=0
	"$@" >"$dir/out" 2>"$dir/err" || status=$?
	[ "$status" -eq "$expected" ] ||
		fail "$*: exits with $status: $(cat "$dir/out" "$dir/err")"
}

# says WORDS: the last command did; says_not WORDS
says() {
	grep -qF -e "$1" "$dir/out" || fail "does not say '$1': $(cat "$dir/out")"
}
says_not() {
	! grep -qF -e "$1" "$dir/out" || fail "says '$1': $(cat "$dir/out")"
}

# about SECTION ABOUT WORDS: the sentences about it, together, have these words
about() {
	awk -v section="$1:" -v about="  - about: $2" '
		/^[^ ]/ { here = $0 == section }
		here && /^  - about: / { its = $0 == about; next }
		here && its { print }' "$dir/out" >"$dir/sentences"
	grep -qF -e "$3" "$dir/sentences" ||
		fail "$1, about $2: not '$3': $(cat "$dir/out")"
}

command_line() {
	runs 0 "$info" --help
	says 'usage: kaio-info'
	runs 0 "$info" --version
	version=$(sed -n 's/^#define KAIO_VERSION "\(.*\)"$/\1/p' \
		"$source/include/kaio/abi.h")
	says "kaio-info $version"
	for wrong in --what --depth --depth=0 --depth=-1 --depth=4194305 \
		--depth=1x; do
		runs 2 "$info" "$wrong"
		[ -s "$dir/err" ] || fail "$wrong: no error message"
		[ ! -s "$dir/out" ] || fail "$wrong: on standard output"
	done
	! "$info" >/dev/full 2>"$dir/err" || fail "/dev/full: it works"
	grep -q 'standard output' "$dir/err" || fail "/dev/full: no error message"
}

# What is refused: refuse CALL[=ERROR]... -- COMMAND...
with_policy() {
	# shellcheck disable=SC2086 # flags are words
	${CC:-cc} ${CPPFLAGS:-} ${CFLAGS:-} -o "$dir/refuse" \
		"$source/tests/scripts/refuse.c" ${LDFLAGS:-}
	refuse=$dir/refuse
	status=0
	"$refuse" io_setup -- /bin/sh -c : || status=$?
	[ "$status" -ne 77 ] || {
		skip "policies: there is no seccomp"
		return
	}
	runs 1 "$refuse" io_setup -- "$info"
	says 'aio_works: no'
	says '  io_setup: EPERM'
	about missing io_setup "A security policy, such as a container's seccomp"
	runs 1 "$refuse" io_setup=ENOSYS -- "$info"
	about missing io_setup 'built without AIO, or a policy hides it'
	[ ! -e /proc/sys/fs/aio-max-nr ] ||
		about missing io_setup 'The kernel has AIO'
	runs 1 "$refuse" io_submit -- "$info"
	about missing io_submit 'forbids this system call: allow it'
	runs 1 "$refuse" io_setup=EAGAIN -- "$info"
	says '  io_setup: EAGAIN'
	about missing io_setup 'The limit fs.aio-max-nr is used up'
	ways_to_collect
}

# One of the two is enough, where AIO works.
ways_to_collect() {
	"$works" || return 0
	runs 0 "$refuse" io_pgetevents -- "$info"
	says 'aio_works: yes'
	says '  io_pgetevents: EPERM'
	says_not 'missing:'
	about notes io_pgetevents 'forbids io_pgetevents: use kaio_getevents.'
	if ! "$refuse" io_getevents -- /bin/sh -c :; then
		skip "io_getevents: this architecture has none"
		return
	fi
	runs 0 "$refuse" io_getevents -- "$info"
	about notes io_getevents 'forbids io_getevents: use kaio_pgetevents'
	runs 1 "$refuse" io_getevents io_pgetevents -- "$info"
	about missing 'io_getevents, io_pgetevents' 'allow one of them'
}

# The limit is the whole system's: it is not touched, but hidden by other files.
quota() {
	max=$(cat /proc/sys/fs/aio-max-nr 2>/dev/null) || {
		skip "quota: there is no /proc/sys/fs/aio-max-nr"
		return
	}
	runs_any "$info" --depth 4
	says "  aio_max_nr: $max"
	says '  operations_wake_or_shared: 5'
	if [ "$max" -lt 4194304 ]; then
		runs 1 "$info" --depth 4194304
		about missing fs.aio-max-nr 'A queue of depth 4194304 needs'
	else
		skip "a depth that exceeds the quota: fs.aio-max-nr is $max"
	fi
	echo 65530 >"$dir/aio-nr"
	echo 65536 >"$dir/aio-max-nr"
	cat >"$dir/hidden" <<-'END'
		for file in aio-nr aio-max-nr; do
			mount --bind "$1/$file" "/proc/sys/fs/$file" || exit 77
		done
		shift
		exec "$@"
	END
	if ! unshare -rm sh "$dir/hidden" "$dir" true 2>"$dir/err"; then
		skip "quota, used up: there are no user namespaces"
		return
	fi
	[ -x "$dir/refuse" ] || return 0
	runs 1 unshare -rm sh "$dir/hidden" "$dir" \
		"$dir/refuse" io_setup=EAGAIN -- "$info" --depth 7
	says '  left: 6'
	about missing io_setup 'The limit fs.aio-max-nr is used up'
	about missing fs.aio-max-nr '6 are left'
	about missing fs.aio-max-nr 'sysctl fs.aio-max-nr=131079'
	runs_any unshare -rm sh "$dir/hidden" "$dir" "$info" --depth 6
	says '  queues_left: 1'
	says_not 'about: fs.aio-max-nr'
}

# The kernel's own EAGAIN. Meanwhile every other program gets it, too.
quota_of_the_system() {
	if [ -z "${KAIO_TEST_QUOTA:-}" ]; then
		skip "quota, used up in truth: KAIO_TEST_QUOTA=1 tries it, and" \
			"disturbs other programs"
		return
	fi
	max=$(cat /proc/sys/fs/aio-max-nr)
	trap 'echo "$max" >/proc/sys/fs/aio-max-nr; rm -rf "$dir"' EXIT
	cat /proc/sys/fs/aio-nr >/proc/sys/fs/aio-max-nr
	runs 1 "$info"
	echo "$max" >/proc/sys/fs/aio-max-nr
	trap 'rm -rf "$dir"' EXIT
	says 'aio_works: no'
	says '  io_setup: EAGAIN'
	says '  left: 0'
	about missing io_setup 'The limit fs.aio-max-nr is used up'
	about missing fs.aio-max-nr '0 are left'
}

# Whether AIO works or not.
runs_any() {
	status=0
	"$@" >"$dir/out" 2>"$dir/err" || status=$?
	[ "$status" -le 1 ] || fail "$*: exits with $status: $(cat "$dir/err")"
}

on_disk() {
	head -c 65536 /dev/urandom >"$dir/file"
	sync "$dir/file" || :
	case $(stat -f -c %T "$dir") in
	ext* | xfs) ;;
	*)
		skip "a file on a disk: $dir is on neither ext4 nor XFS"
		return
		;;
	esac
	"$works" || return 0
	runs 0 "$info" "$dir/file"
	says "  - path: $dir/file"
	says '    kind: regular file'
	says '    o_direct: yes'
	says '    asynchronous_reads: yes'
	says '    asynchronous_writes: yes'
	says_not "about: $dir/file"
	truncate -s 1M "$dir/file"
	runs 0 "$info" "$dir/file"
	about notes "$dir/file" 'The file has holes'
}

# Whether writes are asynchronous depends on the file, not on the file system.
on_btrfs() {
	truncate -s 200M "$dir/image"
	mkdir -p "$dir/mnt"
	cat >"$dir/mount" <<-'END'
		mkfs.btrfs -qf "$1/image" && mount -o loop "$1/image" "$1/mnt" &&
			touch "$1/mnt/nocow" && chattr +C "$1/mnt/nocow" || exit 77
		for name in sums nocow; do
			head -c 65536 /dev/urandom >"$1/mnt/$name"
		done
		sync
		"$2" "$1/mnt/nocow" || exit
		exec "$2" "$1/mnt/sums"
	END
	if ! unshare -m sh "$dir/mount" "$dir" true 2>"$dir/err" >"$dir/out"; then
		skip "btrfs: not root, or no mkfs.btrfs, or no loop devices"
		return
	fi
	"$works" || return 0
	runs 1 unshare -m sh "$dir/mount" "$dir" "$info"
	says '    asynchronous_writes: yes'
	says '    asynchronous_writes: no'
	about missing "$dir/mnt/sums" 'chattr +C'
}

on_tmpfs() {
	memory=/dev/shm
	if [ "$(stat -f -c %T "$memory" 2>"$dir/err")" != tmpfs ] ||
		! tmpfs=$(mktemp "$memory/kaio-info.XXXXXX"); then
		skip "tmpfs: there is none at $memory"
		return
	fi
	trap 'rm -rf "$dir" "$tmpfs"' EXIT
	runs 1 "$info" "$tmpfs"
	says '    file_system: tmpfs'
	says '    asynchronous_reads: no'
	about missing "$tmpfs" 'The file is in memory'
}

no_files() {
	runs 1 "$info" "$dir"
	about missing "$dir" 'This is a directory'
	runs 1 "$info" "$dir/none"
	about missing "$dir/none" 'cannot be opened: No such file or directory.'
	mkfifo "$dir/pipe"
	runs 1 "$info" "$dir/pipe"
	about missing "$dir/pipe" 'use poll operations'
	runs 1 "$info" /dev/null
	about missing /dev/null 'this device'
}

# Names of which JSON takes none as it is; python3 -m json.tool would also take
# bytes that are not UTF-8.
json() {
	if ! python3 -c 'import json.tool' 2>/dev/null; then
		skip "JSON: there is no python3"
		return
	fi
	name=$dir/$(printf 'a"b\\c\td\n\001\177\377\303\274\355\240\200e')
	runs 1 "$info" --json "$name" "$dir/file" "$dir"
	cp "$dir/out" "$dir/json"
	python3 -m json.tool "$dir/json" >"$dir/tool" 2>"$dir/err" ||
		fail "no JSON: $(cat "$dir/err" "$dir/json")"
	python3 - "$dir/json" "$name" <<-'END' || fail "JSON: $(cat "$dir/json")"
		import json, sys
		found = json.load(open(sys.argv[1], encoding="utf-8"))
		files = found["files"]
		assert files[0]["path"] == sys.argv[2], files[0]
		assert files[0]["error"], files[0]
		assert files[1]["memory_alignment"] >= 1, files[1]
		assert files[2]["kind"] == "directory", files[2]
		about = [sentence["about"] for sentence in found["missing"]]
		assert sys.argv[2] in about, about
		assert isinstance(found["notes"], list)
	END
	runs_any "$info" --json
	python3 -m json.tool "$dir/out" >"$dir/tool" || fail "no JSON: no file"
	runs 1 "$info" "$name"
	says 'a"b\c?d???'
}

LC_ALL=C.UTF-8
export LC_ALL
works=true
"$info" >"$dir/out" || works=false
"$works" || skip "what works: AIO does not, or something is missing"
command_line
with_policy
quota
quota_of_the_system
on_disk
on_btrfs
on_tmpfs
no_files
json
[ "$failed" -eq 0 ]
