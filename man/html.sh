#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# html.sh FOLDER: makes the manual there as HTML, a file for each page and alias,
# and index.html. Links to pages of others lead to those of Linux on the web.
set -eu

command -v mandoc >/dev/null || {
	echo "mandoc is not installed" >&2
	exit 1
}
mkdir -p "$1"
out=$(cd "$1" && pwd)
# mandoc looks here which pages are ours.
cd "$(dirname "$0")"
web='https://man7.org/linux/man-pages/man%S/%N.%S.html'
elsewhere='closefrom\.3\|fio\.1\|io_pgetevents\.2\|sudo\.8' # not there

for page in *.[1-9]; do
	grep -q '^\.so ' "$page" && continue
	mandoc -T html -O "toc,style=style.css,man=%N.%S.html;$web" "$page" |
		sed -e 's|^<body>$|&<p><a href="index.html">libkaio</a></p>|' \
			-e "s,href=\"https:[^\"]*/\($elsewhere\)\.html\",," \
			>"$out/$page.html"
done
for page in *.[1-9]; do
	target=$(sed -n 's|^\.so man[1-9]/||p' "$page")
	[ -z "$target" ] || cp "$out/$target.html" "$out/$page.html"
done
cp style.css "$out"

# line PAGE: all that its NAME says
line() {
	section=${1##*.}
	awk -v section="$section" '
		/^\.Nm / { list = list "<a href=\"" $2 "." section ".html\">" \
			$2 "</a>(" section ")" ($3 == "," ? ", " : "") }
		/^\.Nd / { sub(/^\.Nd /, ""); print "<dt>" list "<dd>" $0; exit }
	' "$1"
}

# list TITLE: the pages in the input
list() {
	echo "<h2>$1</h2><dl>"
	while read -r page; do
		line "$page"
	done
	echo '</dl>'
}

# layer HEADER: the pages of its functions, each once, in its order
layer() {
	sed -n 's/^ \* \(kaio_[a-z0-9_]*\) - .*/\1/p' "../include/kaio/$1.h" |
		while read -r name; do
			sed -n 's|^\.so man3/||p' "$name.3" | grep . ||
				echo "$name.3"
		done | awk '!seen[$0]++'
}

{
	cat <<'END'
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<link rel="stylesheet" href="style.css">
<title>libkaio</title>
</head>
<body>
<h1>libkaio</h1>
END
	grep -L '^\.so ' kaio.7 kaio-*.7 | list Concepts
	printf '%s\n' kaio-info.1 kaio-bench.1 | list Programs
	layer queue | list 'The queue'
	layer prep | list 'Preparing operations'
	layer transfer | list 'Requests of many operations'
	layer probe | list 'What works here, and what errors mean'
	layer abi | list 'System calls'
	layer ring | list 'The ring'
	echo '</body>'
	echo '</html>'
} >"$out/index.html"
