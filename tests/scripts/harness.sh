# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# To be sourced by the scripts, which run in a build directory. Sets source, the
# source's absolute path; and dir, a folder for the script's files, which is on a
# disk if the build is on one, and is removed at the end.

# shellcheck disable=SC2034 # used where this is sourced
source=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd) || exit 99
dir=$(mktemp -d "$PWD/${0##*/}.XXXXXX") || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

# fail WHAT: and go on; the script ends with [ "$failed" -eq 0 ]
fail() {
	failed=$((failed + 1))
	echo "FAIL: $*"
}

# die WHAT: it fails, at once
die() {
	echo "FAIL: $*"
	exit 1
}

# skip REASON: a part of the script
skip() {
	echo "SKIP: $*"
}

# skip_all REASON: the script, at once
skip_all() {
	echo "SKIP: $*" >&2
	exit 77
}

# setting VARIABLE: what configure chose, unless the environment says otherwise
setting() {
	eval "value=\${$1-}"
	# shellcheck disable=SC2154 # by eval
	[ -n "$value" ] || value=$(sed -n "s/^$1 = //p" Makefile)
	echo "$value"
}

# block LANGUAGE LINE: the first one of README.md in that language with that line
block() {
	awk -v start="\`\`\`$1" -v line="$2" '
	/^```$/ { if (found) exit; inside = 0; text = "" }
	inside { text = text $0 "\n"; found = found || $0 == line }
	$0 == start { inside = 1 }
	END { if (found) printf "%s", text }' "$source/README.md"
}

# displays PAGE PART FOLDER: the indented displays of this part of a page of the
# manual, as printed. One that follows a file's name and a colon becomes that file
# in the folder, the others are printed.
displays() {
	awk -v part="$2" -v folder="$3" '
	/^\.S[hs] / { here = substr($0, 5) == part; file = "" }
	!here { next }
	/^\.Pa [^ ]* :$/ { file = folder "/" $2 }
	/^\.Bd -literal -offset indent$/ { inside = 1; next }
	/^\.Ed$/ { inside = 0; file = "" }
	inside {
		gsub(/\\&/, "")
		gsub(/\\e/, "\\")
		if (file)
			print >file
		else
			print
	}' "$source/man/$1"
}

# By a make of its own, not a child of the one that runs the test.
make_install() {
	(
		unset MAKEFLAGS MFLAGS MAKELEVEL
		make install DESTDIR="$dir/root" >"$dir/log" 2>&1
	) || die "make install: $(cat "$dir/log")"
}

# stage FOLDER: what make_install has installed, as if that were the prefix
stage() {
	staged=$(find "$dir/root" -name libkaio.pc)
	included=$dir/root$(sed -n 's/^includedir=//p' "$staged" |
		sed "s,^\${prefix},$(sed -n 's/^prefix=//p' "$staged"),")
	mkdir -p "$1"
	cp -R "${staged%/pkgconfig/*}" "$1/lib"
	cp -R "$included" "$1/include"
	sed -e "s,^prefix=.*,prefix=$1," -e "s,^libdir=.*,libdir=$1/lib," \
		-e "s,^includedir=.*,includedir=$1/include," "$staged" \
		>"$1/lib/pkgconfig/libkaio.pc"
}

# compiler_as_cc OPTION...: the one that configure chose, in $dir/bin
compiler_as_cc() {
	mkdir -p "$dir/bin"
	# shellcheck disable=SC2086 # words
	set -- ${CC:-cc} "$@"
	program=$(command -v "$1")
	shift
	cat >"$dir/bin/cc" <<END
#!/bin/sh
exec $program $* ${CPPFLAGS:-} ${CFLAGS:-} "\$@" ${LDFLAGS:-}
END
	chmod +x "$dir/bin/cc"
	PATH=$dir/bin:$PATH
}
