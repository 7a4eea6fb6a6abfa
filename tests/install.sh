#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Installs into a folder, builds the examples and the README's program as a user
# would, by pkg-config and nothing else, runs them, and uninstalls again.
set -eu

fail() {
	echo "FAIL: $*"
	exit 1
}

if ! command -v pkg-config >/dev/null; then
	echo "SKIP: pkg-config is not installed"
	exit 77
fi
source=$(cd "${srcdir:-.}" && pwd)
version=$(sed -n 's/^#define KAIO_VERSION "\(.*\)"$/\1/p' \
	"$source/include/kaio/abi.h")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# This make is a user's, not a child of the one that runs the test.
unset MAKEFLAGS MFLAGS MAKELEVEL
make install DESTDIR="$dir/root" >"$dir/log" 2>&1 ||
	fail "make install: $(cat "$dir/log")"

pc=$(find "$dir/root" -name libkaio.pc)
[ "$(printf '%s\n' "$pc" | wc -l)" -eq 1 ] || fail "libkaio.pc: ${pc:-none}"
PKG_CONFIG_LIBDIR=${pc%/*}
PKG_CONFIG_SYSROOT_DIR=$dir/root
PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 # where the prefix is /usr
PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
LD_LIBRARY_PATH=${pc%/pkgconfig/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH \
	PKG_CONFIG_ALLOW_SYSTEM_CFLAGS PKG_CONFIG_ALLOW_SYSTEM_LIBS
unset PKG_CONFIG_PATH

pkg-config --validate libkaio || fail "libkaio.pc is not valid"
[ "$(pkg-config --modversion libkaio)" = "$version" ] ||
	fail "libkaio.pc says $(pkg-config --modversion libkaio), not $version"
cflags=$(pkg-config --cflags libkaio)
libs=$(pkg-config --libs libkaio)
echo "installed: $cflags $libs"

# builds COMPILER NAME FILE: the program $dir/NAME
builds() {
	# shellcheck disable=SC2086 # flags are words
	$1 ${CPPFLAGS:-} ${CFLAGS:-} -o "$dir/$2" "$3" $cflags ${LDFLAGS:-} \
		$libs >"$dir/log" 2>&1 || fail "$1 $3: $(cat "$dir/log")"
	[ ! -s "$dir/log" ] || fail "$1 $3 warns: $(cat "$dir/log")"
}

# runs COMMAND...
runs() {
	"$@" >"$dir/log" 2>&1 || fail "$*: $(cat "$dir/log")"
	echo "PASS: ${1##*/}"
}

cc="${CC:-cc} -Wall -Wextra"
head -c 1000000 /dev/urandom >"$dir/from"
for file in "$source"/examples/*.c; do
	name=${file##*/}
	name=${name%.c}
	builds "$cc" "$name" "$file"
	case $name in
	copy) runs "$dir/copy" "$dir/from" "$dir/to" ;;
	direct-reader) runs "$dir/$name" "$dir/from" ;;
	*) runs "$dir/$name" ;;
	esac
done
cmp "$dir/from" "$dir/to" || fail "the copy differs"

awk '/^```c$/ { inside = 1; next } /^```$/ && inside { exit } inside' \
	"$source/README.md" >"$dir/readme.c"
[ -s "$dir/readme.c" ] || fail "README.md has no program"
builds "$cc" readme "$dir/readme.c"
runs "$dir/readme"

# The C++ compiler may be none, or one for another C library or width than CC.
cp "$source/examples/hello-read.c" "$dir/hello-read.cc"
echo 'int main() { return 0; }' >"$dir/empty.cc"
# shellcheck disable=SC2086
if ${CXX:-g++} -o "$dir/empty" "$dir/empty.cc" -Wl,--no-as-needed $libs \
	>"$dir/log" 2>&1 && [ ! -s "$dir/log" ]; then
	CFLAGS='' # of the C compiler
	builds "${CXX:-g++} -Wall -Wextra" hello-read-c++ "$dir/hello-read.cc"
	runs "$dir/hello-read-c++"
else
	echo "no C++ compiler that goes with $cc: not tried"
fi

make uninstall DESTDIR="$dir/root" >"$dir/log" 2>&1 ||
	fail "make uninstall: $(cat "$dir/log")"
left=$(find "$dir/root" ! -type d)
[ -z "$left" ] || fail "make uninstall leaves $left"
