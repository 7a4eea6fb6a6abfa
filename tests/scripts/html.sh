#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# make html: the index leads to every page and alias, no link within the manual
# is dead, and all others lead to one place. make install-html, and uninstall.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"

command -v mandoc >/dev/null || skip_all "mandoc is not installed"
html=$dir/html
"$source/man/html.sh" "$html" >"$dir/log" 2>&1 ||
	die "html.sh: $(cat "$dir/log")"
[ ! -s "$dir/log" ] || die "html.sh says: $(cat "$dir/log")"

for page in "$source"/man/*.[1-9]; do
	page=${page##*/}
	grep -q "href=\"$page.html\"" "$html/index.html" ||
		fail "index.html does not lead to $page"
done

# attributes NAME FILE: their values; a tag may be on several lines
attributes() {
	tr '\n' ' ' <"$2" | grep -o " $1=\"[^\"]*\"" |
		sed "s/^ $1=\"\(.*\)\"\$/\1/"
}

for path in "$html"/*.html; do
	file=${path##*/}
	echo "$file"
	attributes id "$path" | sed "s/^/$file#/"
done >"$dir/targets"
echo style.css >>"$dir/targets"
for path in "$html"/*.html; do
	file=${path##*/}
	attributes href "$path" | sed -e "s/^#/$file#/" -e "s/\$/ in $file/"
done | grep -Ev '^https://man7.org/linux/man-pages/man[1-8]/[^/ ]*[.][1-8].html ' \
	>"$dir/links"
awk 'NR == FNR { there[$1]; next } !($1 in there)' "$dir/targets" \
	"$dir/links" >"$dir/dead"
[ ! -s "$dir/dead" ] || fail "dead links: $(cat "$dir/dead")"
links=$(wc -l <"$dir/links")
[ "$links" -gt 500 ] || fail "only $links links were found"

# This make is a user's, not a child of the one that runs the test.
unset MAKEFLAGS MFLAGS MAKELEVEL
make install-html DESTDIR="$dir/root" >"$dir/log" 2>&1 ||
	die "make install-html: $(cat "$dir/log")"
installed=$(find "$dir/root" -name index.html)
diff -r "$html" "${installed%/*}" ||
	fail "make install-html installs something else"
# Without the programs: automake expects their folder.
make uninstall bin_PROGRAMS= DESTDIR="$dir/root" >"$dir/log" 2>&1 ||
	die "make uninstall: $(cat "$dir/log")"
left=$(find "$dir/root" -type f)
[ -z "$left" ] || fail "make uninstall leaves $left"

echo "$links links, $failed failures"
[ "$failed" -eq 0 ]
