#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Installs into a folder, builds the examples and the README's program as a user
# would, by pkg-config and nothing else, runs them, and uninstalls again.
set -eu

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"

command -v pkg-config >/dev/null || skip_all "pkg-config is not installed"
version=$(sed -n 's/^#define KAIO_VERSION "\(.*\)"$/\1/p' \
	"$source/include/kaio/abi.h")

# This make is a user's, not a child of the one that runs the test.
unset MAKEFLAGS MFLAGS MAKELEVEL
make_install

found=$(find "$dir/root" -name '*.la')
[ -z "$found" ] || die "make install installs $found"

pc=$(find "$dir/root" -name libkaio.pc)
[ "$(printf '%s\n' "$pc" | wc -l)" -eq 1 ] || die "libkaio.pc: ${pc:-none}"
PKG_CONFIG_LIBDIR=${pc%/*}
PKG_CONFIG_SYSROOT_DIR=$dir/root
PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 # where the prefix is /usr
PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
LD_LIBRARY_PATH=${pc%/pkgconfig/*}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH \
	PKG_CONFIG_ALLOW_SYSTEM_CFLAGS PKG_CONFIG_ALLOW_SYSTEM_LIBS
unset PKG_CONFIG_PATH

pkg-config --validate libkaio || die "libkaio.pc is not valid"
[ "$(pkg-config --modversion libkaio)" = "$version" ] ||
	die "libkaio.pc says $(pkg-config --modversion libkaio), not $version"
cflags=$(pkg-config --cflags libkaio)
libs=$(pkg-config --libs libkaio)
echo "installed: $cflags $libs"

# builds COMPILER NAME FILE: the program $dir/NAME
builds() {
	# shellcheck disable=SC2086 # flags are words
	$1 ${CPPFLAGS:-} ${CFLAGS:-} -o "$dir/$2" "$3" $cflags ${LDFLAGS:-} \
		$libs >"$dir/log" 2>&1 || die "$1 $3: $(cat "$dir/log")"
	[ ! -s "$dir/log" ] || die "$1 $3 warns: $(cat "$dir/log")"
}

# Whether its header is there, and its library goes with the compiler.
has_liburing() {
	echo '#include <liburing.h>' >"$dir/uring.c"
	cat "$dir/empty.c" >>"$dir/uring.c"
	# shellcheck disable=SC2086
	liburing=$(
		unset PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
		pkg-config --cflags --libs liburing
	) && $cc ${CFLAGS:-} -o "$dir/uring" "$dir/uring.c" $liburing
}

# fallback NAME SYSTEM-CALL...: what it reads with where these are refused
fallback() {
	expected=$1
	shift
	status=0
	"$dir/refuse" "$@" -- "$dir/fallback" >"$dir/log" 2>&1 || status=$?
	if [ "$status" -eq 77 ]; then
		skip "fallback: there is no seccomp"
		return
	fi
	bytes=$(wc -c </etc/passwd)
	[ "$bytes" -le 65536 ] || bytes=65536
	[ "$status $(cat "$dir/log")" = "0 $expected: $bytes bytes" ] ||
		die "fallback, $*: $(cat "$dir/log")"
	echo "PASS: fallback, $expected"
}

# runs COMMAND...
runs() {
	"$@" >"$dir/log" 2>&1 || die "$*: $(cat "$dir/log")"
	echo "PASS: ${1##*/}"
}

cc="${CC:-$(command -v cc)} -Wall -Wextra"
echo 'int main(void) { return 0; }' >"$dir/empty.c"
head -c 1000000 /dev/urandom >"$dir/from"
for file in "$source"/examples/*.c; do
	name=${file##*/}
	name=${name%.c}
	pthread= # a program that uses threads itself says so
	case $name in
	fallback) continue ;;
	nowait | threads) pthread=' -pthread' ;;
	esac
	builds "$cc$pthread" "$name" "$file"
	case $name in
	copy) runs "$dir/copy" "$dir/from" "$dir/to" ;;
	direct-reader) runs "$dir/$name" "$dir/from" ;;
	random-read) runs "$dir/$name" "$dir/from" 4 10 ;;
	unaligned-tail) runs "$dir/$name" "$dir/tail" <"$dir/from" ;;
	wal) runs "$dir/$name" "$dir/log-file" ;;
	*) runs "$dir/$name" ;;
	esac
done
info=$(find "$dir/root" -name kaio-info)
runs "${info:-kaio-info}" --version
grep -qx "kaio-info $version" "$dir/log" || die "kaio-info: $(cat "$dir/log")"
cmp "$dir/from" "$dir/to" || die "the copy differs"
cmp "$dir/from" "$dir/tail" || die "what unaligned-tail wrote differs"

if has_liburing >"$dir/log" 2>&1; then
	kaio_libs=$libs
	libs="$libs $liburing"
	builds "$cc -pthread" fallback "$source/examples/fallback.c"
	libs=$kaio_libs
	builds "$cc" refuse "$source/tests/scripts/refuse.c"
	if "$dir/fallback" | grep -q '^io_uring: '; then
		echo "PASS: fallback, io_uring"
	else
		skip "fallback: io_uring is not allowed here"
	fi
	fallback libkaio io_uring_setup
	fallback thread io_uring_setup io_setup
else
	skip "fallback: no liburing that goes with $cc"
fi

# What README.md says, as printed: with the stage that ./bootstrap demo makes,
# and the compiler that configure chose.
stage "$dir/readme/build/stage"
cat >"$dir/readme/bootstrap" <<'END'
#!/bin/sh
[ "$1" = demo ]
END
chmod +x "$dir/readme/bootstrap"
block c '#include <kaio.h>' >"$dir/readme/first.c"
block sh ./first >"$dir/readme/commands"
[ -s "$dir/readme/commands" ] || die "README.md runs no ./first"
(
	cd "$dir/readme"
	unset PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH
	compiler_as_cc -Wall -Wextra
	sh -eu commands
) >"$dir/log" 2>&1 || die "README.md: $(cat "$dir/log")"
grep -q '^block 3: [0-9]' "$dir/log" || die "README.md: $(cat "$dir/log")"
echo "PASS: README.md"

# With glibc before 2.34 this takes libraries that the shared one brings along.
static=$(find "$dir/root" -name libkaio.a)
# shellcheck disable=SC2086 # flags are words
if [ -z "$static" ]; then
	skip "static programs: there is no libkaio.a"
elif ! $cc ${CFLAGS:-} -static -o "$dir/empty" "$dir/empty.c" 2>"$dir/log"; then
	skip "static programs: $cc links none"
else
	cflags="$cflags -static"
	libs=$(pkg-config --static --libs libkaio)
	builds "$cc -pthread" threads-static "$source/examples/threads.c"
	runs "$dir/threads-static"
	cflags=$(pkg-config --cflags libkaio)
	libs=$(pkg-config --libs libkaio)
fi

# The C++ compiler may be none, or one for another C library or width than CC.
cp "$source/examples/hello-read.c" "$dir/hello-read.cc"
echo 'int main() { return 0; }' >"$dir/empty.cc"
# shellcheck disable=SC2086
if ${CXX:-g++} -o "$dir/empty" "$dir/empty.cc" -Wl,--no-as-needed $libs \
	>"$dir/log" 2>&1 && [ ! -s "$dir/log" ]; then
	CFLAGS='' # of the C compiler
	builds "${CXX:-g++} -Wall -Wextra" hello-read-c++ "$dir/hello-read.cc"
	runs "$dir/hello-read-c++"
	builds "${CXX:-g++} -std=c++17 -Wall -Wextra" raii \
		"$source/examples/raii.cc"
	runs "$dir/raii"
	bytes=$(wc -c </etc/passwd)
	[ "$bytes" -gt 65536 ] || grep -qx "$bytes bytes" "$dir/log" ||
		die "raii: $(cat "$dir/log")"
	echo '#include <coroutine>' | cat - "$dir/empty.cc" >"$dir/co.cc"
	if ${CXX:-g++} -std=c++20 -o "$dir/empty" "$dir/co.cc" 2>"$dir/log"; then
		builds "${CXX:-g++} -std=c++20 -Wall -Wextra" coroutine \
			"$source/examples/coroutine.cc"
		runs "$dir/coroutine" /etc/passwd "$dir/from"
		printf '%d %s\n' "$bytes" /etc/passwd 1000000 "$dir/from" |
			cmp - "$dir/log" || die "coroutine: $(cat "$dir/log")"
	else
		skip "coroutine: ${CXX:-g++} has no coroutines"
	fi
else
	echo "no C++ compiler that goes with $cc: not tried"
fi

# The drop-in: by pkg-config alone; or what was linked with libaio, by
# LD_LIBRARY_PATH; or statically, beside libkaio's own static library.
pkg-config --validate kaio-libaio || die "kaio-libaio.pc is not valid"
[ "$(pkg-config --modversion kaio-libaio)" = "$version" ] ||
	die "kaio-libaio.pc says $(pkg-config --modversion kaio-libaio)"
unset PKG_CONFIG_SYSROOT_DIR # it knows of no -rpath
libdir=$dir/root$(pkg-config --variable=libaiodir kaio-libaio)
user=$source/tests/scripts/libaio-user.c
drop_in() {
	pkg-config --define-variable=libaiodir="$libdir" \
		--define-variable=includedir="$dir/root$(
			pkg-config --variable=includedir kaio-libaio)" \
		"$@" kaio-libaio
}
cflags=$(drop_in --cflags)

# runs_on LIBRARY ENVIRONMENT... PROGRAM: it says what it runs on
runs_on() {
	library=$1
	shift
	env -u LD_LIBRARY_PATH "$@" >"$dir/log" 2>&1 ||
		die "$*: $(cat "$dir/log")"
	case $(cat "$dir/log") in
	"$library"*) ;;
	*) die "$* runs on $(cat "$dir/log"), not on $library" ;;
	esac
	for program; do :; done
	echo "PASS: ${program##*/}"
}

# With --disable-rpath the path is a variable of the file, and not in its flags.
drop_in_libs() {
	drop_in --libs
	[ -n "$(setting LIBAIO_RPATH)" ] || drop_in --variable=rpath
}

if [ -e "$libdir/libaio.so.1" ]; then
	libs=$(drop_in_libs)
	builds "$cc" user "$user"
	runs_on "$libdir/" "$dir/user"
	libs="-L$libdir -laio"
	builds "$cc" user-no-rpath "$user"
	runs_on "$libdir/" LD_LIBRARY_PATH="$libdir" "$dir/user-no-rpath"
	libs=$(drop_in_libs)
	if [ -s "$dir/empty" ] && [ -s "$dir/hello-read-c++" ]; then
		cp "$user" "$dir/user.cc"
		builds "${CXX:-g++} -Wall -Wextra" user-c++ "$dir/user.cc"
		runs_on "$libdir/" "$dir/user-c++"
	fi

	# As those that Debian has given another name.
	sed -n 's/^	\(io_[a-z_]*\);.*/void \1(void) {}/p' \
		"$source/lib/libaio/libaio.map" >"$dir/stub.c"
	# shellcheck disable=SC2086
	if $cc ${CFLAGS:-} -w -shared -fPIC -o "$dir/stub.so" "$dir/stub.c" \
		-Wl,-soname,libaio.so.1t64 \
		-Wl,--version-script="$source/lib/libaio/libaio.map" 2>"$dir/log"; then
		libs=$dir/stub.so
		builds "$cc" user-1t64 "$user"
		runs_on "$libdir/" LD_LIBRARY_PATH="$libdir" "$dir/user-1t64"
	fi

	cflags='' libs=-laio
	# shellcheck disable=SC2086
	if $cc ${CFLAGS:-} -o "$dir/user-libaio" "$user" $libs 2>"$dir/log"; then
		runs_on "$libdir/" LD_LIBRARY_PATH="$libdir" "$dir/user-libaio"
	else
		echo "no libaio that goes with $cc: not tried"
	fi
	cflags=$(drop_in --cflags)
fi
if [ -e "$libdir/libaio.a" ]; then
	libs=$libdir/libaio.a
	builds "$cc" user-static "$user"
	runs_on "no library" "$dir/user-static"
	cflags="$cflags -I$dir/root$(pkg-config --variable=includedir libkaio)"
	cflags="$cflags -DBESIDE_LIBKAIO"
	for libs in "$libdir/libaio.a $static" "$static $libdir/libaio.a"; do
		libs="$libs -pthread" # where libc has none, before glibc 2.34
		builds "$cc" user-beside "$user"
		runs_on "no library" "$dir/user-beside"
	done
fi

make uninstall DESTDIR="$dir/root" >"$dir/log" 2>&1 ||
	die "make uninstall: $(cat "$dir/log")"
left=$(find "$dir/root" ! -type d -o -name 'kaio*')
[ -z "$left" ] || die "make uninstall leaves $left"
