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
