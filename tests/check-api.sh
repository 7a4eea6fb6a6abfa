#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# Keeps in step what must say the same thing: headers, symbol map, library,
# manual, tests, Makefile.am and versions. Prints a line for each violation.
# Runs from the build directory.
set -u
LC_ALL=C
export LC_ALL

builddir=$(pwd)
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "${srcdir:-$(dirname "$0")/..}" || exit 99

violation()
{
	echo "$*"
	echo "$*" >>"$tmp/violations"
}

# Two sorted lists that must be the same: what only one has is a violation.
same() # file, what it is, file, what it is
{
	comm -23 "$1" "$3" | sed "s|\$|: in $2, not in $4|" >"$tmp/differences"
	comm -13 "$1" "$3" | sed "s|\$|: in $4, not in $2|" >>"$tmp/differences"
	while read -r line; do
		violation "$line"
	done <"$tmp/differences"
}

# The name of the function in each prototype.
names()
{
	sed 's/(.*//; s/.*[^a-z0-9_]//' | sort
}

read_headers()
{
	awk -f tests/scripts/check-header.awk include/kaio/*.h >"$tmp/headers"
	sed -n 's/^prototype //p' "$tmp/headers" | sort >"$tmp/prototypes"
	sed -n 's/^errno //p' "$tmp/headers" >"$tmp/errnos"
	sed -n 's/^since //p' "$tmp/headers" >"$tmp/since"
	names <"$tmp/prototypes" >"$tmp/functions"
	# That of the ring's header is the kernel's.
	sed -n 's/^struct \([a-z_]*\) {.*/\1/p' include/kaio/*.h |
		grep -vx kaio_ring_header | sort >"$tmp/structures"
	[ -s "$tmp/functions" ] || violation "include/kaio: no functions found"
	sed -n 's/^violation //p' "$tmp/headers" >"$tmp/doc-violations"
	while read -r line; do
		violation "$line"
	done <"$tmp/doc-violations"
}

# A static library hides nothing: only the prefix keeps its symbols apart from
# the program's; kaioq_ and kaiot_ are the queue's and the transfers' private
# ones. libaio.a has libaio's names, too, and none of libkaio.a's.
check_prefix()
{
	globals()
	{
		"${NM:-nm}" -g --defined-only "$builddir/lib/.libs/$1" |
			awk 'NF == 3 && $3 !~ /^(_|DW\.ref\.)/ { print $3 }' | sort
	}
	globals libkaio-objects.a >"$tmp/globals"
	grep -Ev '^kaio[qt]?_' "$tmp/globals" >"$tmp/leaked"
	while read -r symbol; do
		violation "$symbol: a global symbol that is not kaio_*"
	done <"$tmp/leaked"

	[ -e "$builddir/lib/.libs/libaio.a" ] || return
	libaio_symbols | sed 's/@.*//' >"$tmp/libaio"
	globals libaio.a | grep -v '_time64$' >"$tmp/libaio-globals"
	grep -v '^kaio_' "$tmp/libaio-globals" >"$tmp/libaio-names"
	same "$tmp/libaio" lib/libaio/libaio.map "$tmp/libaio-names" libaio.a
	comm -12 "$tmp/globals" "$tmp/libaio-globals" >"$tmp/shared"
	while read -r symbol; do
		violation "$symbol: in libkaio.a and in libaio.a"
	done <"$tmp/shared"
}

# symbol@@node for each line of libaio.map
libaio_symbols()
{
	awk '/^LIBAIO/ { node = $1 }
	/^\tio_[a-z_]*;/ { sub(/;.*/, ""); print $1 "@@" node }
	' lib/libaio/libaio.map | sort
}

# 32-bit glibc alone has the *_time64 symbols.
check_libaio()
{
	library=$builddir/lib/.libs/libaio.so
	[ -e "$library" ] || return
	if grep -q 'VERSION_SCRIPT_TRUE"\]="#"' "$builddir/config.status"; then
		echo "the linker has no versions: libaio's are not compared"
		return
	fi
	{
		libaio_symbols
		sed -n 's/^OLD("\(.*\)")$/\1/p' lib/libaio/libaio.c
	} | sort >"$tmp/versions"
	"${NM:-nm}" -D --defined-only --with-symbol-versions "$library" |
		awk '$2 != "A" && $3 !~ /_time64@/ { print $3 }' |
		sort >"$tmp/exported-versions"
	same "$tmp/versions" "lib/libaio/libaio.map and libaio.c" \
		"$tmp/exported-versions" libaio.so
}

# 32-bit glibc alone has the kaio_*_time64 symbols.
check_symbols()
{
	sed -n 's/^	\(kaio_[a-z0-9_]*\);.*/\1/p' lib/libkaio.map | sort \
		>"$tmp/map"
	same "$tmp/functions" headers "$tmp/map" lib/libkaio.map

	library=$builddir/lib/.libs/libkaio.so
	if [ ! -e "$library" ]; then
		echo "libkaio.so was not built: its symbols are not compared"
		return
	fi
	"${NM:-nm}" -D --defined-only "$library" | sed 's/@.*//' |
		awk '$2 != "A" && $3 !~ /^kaio_.*_time64$/ { print $3 }' |
		sort >"$tmp/exported"
	same "$tmp/functions" headers "$tmp/exported" libkaio.so
}

# The SYNOPSIS as prototypes: .Ft, then .Fn, or .Fo, .Fa and .Fc.
synopsis() # page
{
	awk '
	/^\.Sh / { here = $2 == "SYNOPSIS" }
	!here { next }
	{ macro = $1; name = $2; rest = $0; sub(/^\.F. /, "", rest) }
	macro == ".Ft" { type = rest ~ /\*$/ ? rest : rest " " }
	macro == ".Fo" { opened = name; list = "" }
	macro == ".Fa" { list = list == "" ? rest : list ", " rest }
	macro == ".Fc" { print type opened "(" list ")" }
	macro == ".Fn" {
		sub(/^[^ ]* /, "", rest)
		gsub(/" "/, ", ", rest)
		print type name "(" rest ")"
	}' "$1" | tr -d '"' | sort
}

name_section() # page
{
	sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([a-z0-9_]*\).*/\1/p' "$1" | sort
}

check_page() # page
{
	synopsis "$1" >"$tmp/page-prototypes"
	cat "$tmp/page-prototypes" >>"$tmp/documented"
	names <"$tmp/page-prototypes" >"$tmp/page-functions"
	sed -n 's/^\.Vt struct \([a-z_]*\) ;$/\1/p' "$1" |
		sort -u - "$tmp/page-functions" >"$tmp/page-synopsis"
	name_section "$1" >"$tmp/page-names"
	same "$tmp/page-names" "NAME of $1" "$tmp/page-synopsis" "its SYNOPSIS"

	awk 'NR == FNR { here[$1]; next } $1 in here { print $2 }' \
		"$tmp/page-functions" "$tmp/since" | sort -u >"$tmp/first-versions"
	sed -n '/^\.Sh HISTORY/,$s/^Since libkaio \(.*\)\.$/\1/p' "$1" |
		sort >"$tmp/page-versions"
	same "$tmp/first-versions" "Since: of its doc comments" \
		"$tmp/page-versions" "HISTORY of $1"

	# A page of several functions has the errnos of all of them.
	awk 'NR == FNR { here[$1]; next } $1 in here { print $2 }' \
		"$tmp/page-functions" "$tmp/errnos" | sort -u >"$tmp/documented-errnos"
	awk '/^\.Sh / { here = $2 == "ERRORS" }
		here && /^\.It Bq Er / { print $4 }' "$1" | sort >"$tmp/page-errnos"
	same "$tmp/documented-errnos" "its doc comments" \
		"$tmp/page-errnos" "ERRORS of $1"
}

check_alias() # page, page it stands for
{
	name=$(basename "${1%.*}")
	{ [ -f "$2" ] && name_section "$2" | grep -qx "$name"; } ||
		violation "$1: alias of $2, which does not name it"
}

check_manual()
{
	: >"$tmp/documented"
	for page in man/*.[1-9]; do
		target=$(sed -n 's|^\.so man[1-9]/|man/|p' "$page")
		if [ -n "$target" ]; then
			check_alias "$page" "$target"
		elif [ "$page" != "${page%.3}" ]; then
			check_page "$page"
		fi
	done
	sort -o "$tmp/documented" "$tmp/documented"
	same "$tmp/prototypes" headers "$tmp/documented" "the manual"

	sort -u "$tmp/functions" "$tmp/structures" >"$tmp/with-page"
	while read -r name; do
		[ -f "man/$name.3" ] ||
			violation "man/$name.3: there is no such page or alias"
	done <"$tmp/with-page"

	awk '{
		for (i = 1; i < NF; i++)
			if ($i ~ /^\.?Xr$/ && $(i + 1) ~ /^kaio/)
				print FILENAME, $(i + 1), $(i + 2)
	}' man/*.[1-9] >"$tmp/references"
	while read -r page name section; do
		[ -f "man/$name.$section" ] ||
			violation "$page: .Xr $name $section: there is no such page"
	done <"$tmp/references"
}

# Once, where it depends on the architecture.
members() # files: each member of their structures, "structure: type name;"
{
	awk '/^struct [a-z_]+ \{/ { structure = $2; next }
	/^}/ { structure = "" }
	structure != "" {
		sub(/[ \t]*\/\*.*/, "")
		gsub(/[ \t]+/, " ")
		if (/;$/)
			print structure ":" $0
	}' "$@" | sort -u
}

# The manual names every constant of an enum and none that is not there. Where
# it quotes a structure, it does so in full.
check_constants_and_structures()
{
	sed -n 's/^	\(KAIO_[A-Z0-9_]*\) = .*/\1/p' include/kaio/*.h |
		sort >"$tmp/constants"
	grep -hE '^#define KAIO' include/kaio/*.h | tr -c 'A-Z0-9_' '\n' |
		cat - "$tmp/constants" | sort -u >"$tmp/defined"
	# The titles of pages look like constants, and some are their names.
	grep -hv '^\.Dt' man/*.7 man/*.3 |
		grep -o 'KAIO_[A-Z0-9_]*[A-Z0-9]' | sort -u |
		grep -vx -e KAIO_NO_RING -e KAIO_SPIN_NS >"$tmp/named"
	for constant in $(comm -23 "$tmp/constants" "$tmp/named"); do
		violation "$constant: not in the manual"
	done
	for constant in $(comm -13 "$tmp/defined" "$tmp/named"); do
		grep -q "^$constant" "$tmp/defined" ||
			violation "$constant: in the manual, not in headers"
	done

	members man/*.3 man/*.7 | grep '^kaio_' >"$tmp/quoted"
	sed 's/:.*/:/' "$tmp/quoted" | sort -u >"$tmp/quoted-structures"
	members include/kaio/*.h | grep -f "$tmp/quoted-structures" \
		>"$tmp/members"
	same "$tmp/members" headers "$tmp/quoted" "the manual"
}

# Pages of others may not be installed; ours were looked for above. Below style
# there are only conventions of the pages of BSD systems.
lint_manual()
{
	if ! command -v mandoc >/dev/null; then
		echo "mandoc is not installed: the manual is not linted"
		return
	fi
	grep -L '^\.so ' man/*.[1-9] | xargs mandoc -T lint -W style 2>/dev/null |
		grep -v 'referenced manual not found' >"$tmp/lint"
	while read -r line; do
		violation "$line"
	done <"$tmp/lint"
}

# A test that provokes an errno of a function calls the function and names the
# errno. Comments do not count.
check_tests()
{
	mkdir "$tmp/tests"
	for file in tests/*/*.c; do
		sed '/^[[:space:]]*\/\{0,1\}\*/d' "$file" >"$tmp/tests/$(echo "$file" | tr / -)"
	done
	callers() # function
	{
		grep -l "[^a-z0-9_]$1(" "$tmp"/tests/*.c
	}
	while read -r function; do
		[ -n "$(callers "$function")" ] ||
			violation "$function(): no test calls it"
	done <"$tmp/functions"
	while read -r function errno; do
		callers "$function" | xargs grep -qw "$errno" /dev/null ||
			violation "$function(): no test that calls it has $errno"
	done <"$tmp/errnos"
}

# A program's one source file is listed by the program's name.
check_files_are_listed()
{
	tr -s ' \t\\=' '\n' <Makefile.am | sort -u >"$tmp/words"
	find lib include tests examples man -name .libs -prune -o \
		\( -name '*.[ch137]' -o -name '*.sh' -o -name '*.awk' \
		-o -name '*.py' \) -print \
		2>/dev/null | sort >"$tmp/files"
	while read -r file; do
		grep -qx -e "$file" -e "${file%.c}" "$tmp/words" ||
			violation "$file: not in Makefile.am"
	done <"$tmp/files"
	grep -E -e '^(lib|include|tests|examples|man)/.*\.([ch37]|sh|awk|py)$' \
		-e '^man/.*\.1$' "$tmp/words" | comm -23 - "$tmp/files" >"$tmp/missing"
	while read -r file; do
		violation "$file: in Makefile.am, but there is no such file"
	done <"$tmp/missing"
}

check_licences()
{
	for file in $(find lib -name '*.map' -o -name '*.in') man/*.[1-9]; do
		head -n 1 "$file" | grep -q 'SPDX-License-Identifier: ' ||
			violation "$file: does not begin with its SPDX line"
	done
}

# Each #include of one file of lib/ by another, as "file: header". The folder of
# the file comes before lib/, as for the compiler.
lib_includes()
{
	(cd lib && ls ./*.[ch] ./*/*.[ch]) | sed 's|^\./||' |
		while read -r file; do
			folder=$(dirname "$file")
			sed -n 's/^#include "\(.*\)".*/\1/p' "lib/$file" |
				while read -r name; do
					[ ! -e "lib/$folder/$name" ] ||
						name=$folder/$name
					echo "$file: $name"
				done
		done | sed 's|: \./|: |; s|[^/ ]*/\.\./||' | sort -u
}

# lib/README.md has a line for each file, and the graph of their includes, in
# which there is no circle.
check_lib_readme()
{
	readme=lib/README.md
	(cd lib && ls ./*.[ch] ./*/*.[ch] ./*.map ./*/*.map ./*.in ./*/*.in) |
		sed 's|^\./||' | sort >"$tmp/lib-files"
	# shellcheck disable=SC2016 # backquotes of Markdown
	sed -n 's/^| `\([^`]*\.[a-z]*\)` |.*/\1/p' "$readme" | sort \
		>"$tmp/lib-named"
	same "$tmp/lib-files" lib/ "$tmp/lib-named" "$readme"

	lib_includes >"$tmp/lib-includes"
	awk '/^    [a-z/-]*\.[ch]: / {
		for (i = 2; i <= NF; i++)
			print $1, $i
	}' "$readme" | sort >"$tmp/lib-graph"
	same "$tmp/lib-includes" lib/ "$tmp/lib-graph" "$readme"
	tr -d : <"$tmp/lib-includes" | tsort 2>&1 >/dev/null |
		sed 's/^tsort: //' >"$tmp/circles"
	while read -r line; do
		violation "lib/: a circle of includes: $line"
	done <"$tmp/circles"
}

check_versions()
{
	configured=$(sed -n 's/^AC_INIT(\[libkaio\], \[\([^]]*\)\].*/\1/p' \
		configure.ac)
	defined()
	{
		sed -n "s/^#define $1 //p" include/kaio/abi.h | tr -d '"'
	}
	numbers=$(defined KAIO_VERSION_MAJOR).$(defined KAIO_VERSION_MINOR)
	numbers=$numbers.$(defined KAIO_VERSION_PATCH)
	news=$(sed -n 's/^#.*[^0-9.]\([0-9]*\.[0-9]*\.[0-9]*\).*/\1/p' NEWS.md |
		head -n 1)
	[ "$(defined KAIO_VERSION)" = "$configured" ] ||
		violation "KAIO_VERSION is not $configured, as configure.ac has it"
	[ "$numbers" = "$configured" ] ||
		violation "KAIO_VERSION_* is $numbers, in configure.ac $configured"
	footer=".Os libkaio $(defined KAIO_VERSION_MAJOR).$(
		defined KAIO_VERSION_MINOR)"
	for page in man/*.[1-9]; do
		grep -q -e '^\.so ' -e "^$footer\$" "$page" ||
			violation "$page: no $footer"
	done
	[ "${news:-$configured}" = "$configured" ] ||
		violation "NEWS.md begins with $news, configure.ac has $configured"
}

read_headers
check_prefix
check_symbols
check_libaio
check_manual
check_constants_and_structures
lint_manual
check_tests
check_files_are_listed
check_licences
check_lib_readme
check_versions

[ ! -e "$tmp/violations" ] || exit 1
echo "$(wc -l <"$tmp/functions") functions, all in step"
