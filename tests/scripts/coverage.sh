#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# What the tests that ran in this build, made with --enable-coverage, have run of
# the library: a table by file, and each line and branch that is missing. Called by
# make coverage.
#
# A file that is compiled more than once has run what any of its objects ran. Not
# counted are the branches of calls that an exception leaves by, which gcov calls
# throw: -fexceptions makes one of every call of a function that has a clean-up.
set -u

# shellcheck source=tests/scripts/harness.sh
. "${srcdir:-$(dirname "$0")/../..}/tests/scripts/harness.sh"

find lib -name '*.gcda' >"$dir/data"
[ -s "$dir/data" ] || die "no test has run in a build with --enable-coverage"
while read -r data; do
	gcov -b -c -t "$data" 2>/dev/null
done <"$dir/data" | awk '
	function percent(part, all) {
		return all ? sprintf("%6.1f %%", 100 * part / all) : "       -"
	}
	function row(name, a, b, c, d) {
		printf "%-24s %4d of %4d %s %4d of %4d %s\n", name, a, b,
			percent(a, b), c, d, percent(c, d)
	}
	/^ *-: *0:Source:/ {
		file = $0
		counts = sub(/.*\/lib\//, "lib/", file) ||
			sub(/.*\/include\/kaio/, "include/kaio", file)
		next
	}
	!counts { next }
	/^ *[-#=0-9][-#=0-9*]*: *[0-9]+:/ {
		split($0, part, ":")
		number = part[2] + 0
		key = file SUBSEP number
		text[key] = substr($0, index($0, part[2] ":") + length(part[2]) + 1)
		if (part[1] !~ /-$/) {
			if (!(key in run))
				order[++n] = key
			run[key] += part[1] !~ /[#=]/
		}
		next
	}
	/^branch/ && !/\(throw\)/ {
		branch = key SUBSEP $2
		if (!(branch in taken))
			of[key] = of[key] " " $2
		taken[branch] += $3 == "taken" && $4 > 0
	}
	END {
		for (i = 1; i <= n; i++) {
			split(order[i], part, SUBSEP)
			file = part[1]
			if (!(file in lines))
				files[++nr] = file
			lines[file]++
			ran[file] += run[order[i]] > 0
			missed = ""
			for (j = split(of[order[i]], list, " "); j; j--) {
				branches[file]++
				if (taken[order[i] SUBSEP list[j]])
					took[file]++
				else
					missed = list[j] " " missed
			}
			if (!run[order[i]])
				missing[i] = "not run"
			else if (missed)
				missing[i] = "branch " missed
		}
		print "file                              lines               branches"
		for (i = 1; i <= nr; i++) {
			file = files[i]
			row(file, ran[file], lines[file], took[file], branches[file])
			all[1] += ran[file]
			all[2] += lines[file]
			all[3] += took[file]
			all[4] += branches[file]
		}
		row("all", all[1], all[2], all[3], all[4])
		for (i = 1; i <= n; i++) {
			split(order[i], part, SUBSEP)
			if (i in missing)
				printf "%s:%d: %s: %s\n", part[1], part[2],
					missing[i], text[order[i]]
		}
	}'
