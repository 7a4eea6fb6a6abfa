#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Each part of kaio-build(7), with its files and its commands as printed: builds
# the first program of README.md and runs it. Those that use what is installed
# find this build's library; a part without its build system is skipped. With
# arguments, only the parts of these names.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"

command -v pkg-config >/dev/null || skip_all "pkg-config is not installed"
CC=$(setting CC)
CFLAGS=$(setting CFLAGS)
export CC CFLAGS
compiler_as_cc
make_install
stage "$dir/stage"

# lacks PROGRAM...: says which one does not run; a wrapper may be there without
lacks() {
	for program; do
		"$program" --version >/dev/null 2>&1 && continue
		echo "$program is not installed"
		return
	done
	return 1
}

no_static() {
	echo 'int main(void) { return 0; }' >"$dir/empty.c"
	cc -static -o "$dir/empty" "$dir/empty.c" >/dev/null 2>&1 ||
		{ echo "$CC links no static programs"; return; }
	[ ! -e "$dir/stage/lib/libkaio.a" ] && echo "there is no libkaio.a"
}

built_in_the_source() {
	[ -e "$source/config.status" ] && echo "the source is configured itself"
}

# hindered PART: says what is missing for it
hindered() {
	case $1 in
	*source) built_in_the_source && return ;;
	*static*) no_static && return ;;
	*) [ ! -e "$dir/stage/lib/libkaio.so" ] &&
		echo "there is no libkaio.so" && return ;;
	esac
	case $1 in
	A\ compiler*) return 1 ;;
	CMake*) lacks cmake ;;
	Meson) lacks meson ninja ;;
	autotools) lacks autoreconf aclocal automake ;;
	*) lacks make ;;
	esac
}

# environment PART: one within the source gets nothing of what is installed
environment() {
	unset MAKEFLAGS MFLAGS MAKELEVEL PKG_CONFIG_PATH LD_LIBRARY_PATH
	PKG_CONFIG_LIBDIR=/none
	export PKG_CONFIG_LIBDIR
	case $1 in
	*source) ln -s "$source" libkaio ;;
	*)
		PKG_CONFIG_PATH=$dir/stage/lib/pkgconfig
		LD_LIBRARY_PATH=$dir/stage/lib
		export PKG_CONFIG_PATH LD_LIBRARY_PATH
		;;
	esac
}

bytes=$(wc -c </etc/passwd)
[ "$bytes" -lt 4096 ] || bytes=4096

# build PART: in a folder of its own
build() {
	mkdir "$dir/$parts"
	cd "$dir/$parts" || return
	block c '#include <kaio.h>' >first.c
	displays kaio-build.7 "$1" . >commands
	[ "$(tail -n 1 commands | sed 's,.*/,,')" = first ] || {
		echo "the page does not run the program"
		return 1
	}
	environment "$1"
	sh -eux commands && [ "$(grep -c '^block [0-3]: [0-9]*$' ../log)" -eq 4 ] &&
		grep -qx "block 0: $bytes" ../log
}

if [ $# -gt 0 ]; then
	printf '%s\n' "$@"
else
	sed -n 's/^\.Ss //p' "$source/man/kaio-build.7"
fi >"$dir/parts"
parts=0
while read -r part; do
	parts=$((parts + 1))
	if reason=$(hindered "$part"); then
		skip "$part: $reason"
	elif (build "$part") >"$dir/log" 2>&1 </dev/null; then
		echo "PASS: $part"
	else
		fail "$part: $(cat "$dir/log")"
	fi
done <"$dir/parts"
[ "$parts" -gt 0 ] || fail "kaio-build(7) has no parts"
[ "$failed" -eq 0 ]
