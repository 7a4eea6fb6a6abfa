#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# What kaio-migration(7) says for builds without pkg-config, as printed, with
# projects that find libaio in these ways: the program runs on the drop-in. Each
# skips without its build system.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"
CC=$(setting CC)
CFLAGS=$(setting CFLAGS)
export CC CFLAGS

libaiodir=$PWD/lib/kaio-libaio
[ -e "$libaiodir/libaio.so.1" ] || skip_all "there is no shared library"

# command BEGINNING: the page's, and the lines that continue it
command() {
	displays kaio-migration.7 'Builds without pkg-config' "$dir" |
		awk -v word="$1" '
		!/^\t/ { wanted = index($0, word) == 1 }
		wanted'
}

# builds NAME PROGRAM BEGINNING NEXT: in $dir/NAME, by that command and NEXT
builds() {
	cp "$source/tests/scripts/libaio-user.c" "$dir/$1/user.c"
	command "$3" >"$dir/$1/command"
	[ -s "$dir/$1/command" ] || die "$1: the page has no command"
	(
		cd "$dir/$1" || exit
		unset MAKEFLAGS MFLAGS MAKELEVEL CPPFLAGS LDFLAGS
		export libaiodir headers
		sh -eux command && $4
	) >"$dir/log" 2>&1 || {
		fail "$1: $(cat "$dir/log")"
		return
	}
	used=$(env -u LD_LIBRARY_PATH "$dir/$1/$2")
	case $(readlink -f "$used") in
	"$(readlink -f "$libaiodir/libaio.so.1")") echo "PASS: $1" ;;
	*) fail "$1: runs on ${used:-nothing}" ;;
	esac
}

headers=$source/include/kaio-libaio
for variable in libaiodir headers; do
	[ -n "$(command "$variable=")" ] || fail "the page does not set $variable"
done

mkdir "$dir/make"
cat >"$dir/make/Makefile" <<'END'
user: user.c
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ user.c -laio
END
builds make user 'make ' :

mkdir "$dir/meson"
cat >"$dir/meson/meson.build" <<'END'
project('user', 'c')
aio = meson.get_compiler('c').find_library('aio', has_headers: 'libaio.h')
executable('user', 'user.c', dependencies: aio)
END
if meson --version >/dev/null 2>&1 && ninja --version >/dev/null 2>&1; then
	builds meson build/user 'meson ' 'ninja -C build'
else
	skip "meson: meson or ninja is not installed"
fi

mkdir "$dir/find_library" "$dir/target_link_libraries"
cat >"$dir/find_library/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(user C)
find_library(AIO aio)
find_path(AIO_HEADER libaio.h)
add_executable(user user.c)
target_include_directories(user PRIVATE ${AIO_HEADER})
target_link_libraries(user ${AIO})
END
cat >"$dir/target_link_libraries/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(user C)
add_executable(user user.c)
target_link_libraries(user aio)
END
if cmake --version >/dev/null 2>&1; then
	builds find_library build/user 'cmake -B build -DCMAKE_INCLUDE_PATH' \
		'cmake --build build'
	builds target_link_libraries build/user \
		'cmake -B build -DCMAKE_C_FLAGS' 'cmake --build build'
else
	skip "find_library, target_link_libraries: cmake is not installed"
fi
[ "$failed" -eq 0 ]
