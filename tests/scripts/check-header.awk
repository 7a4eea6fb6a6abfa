# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# What headers say, for check-api.sh: of each function its prototype, the errnos
# of its doc comment, and what that comment lacks. Prints lines of
#
#	prototype TEXT
#	errno FUNCTION ERRNO
#	since FUNCTION VERSION
#	violation TEXT

function lacks(what)
{
	print "violation " name "(): doc comment: " what
}

# From "type a, type *b" the set of a and b.
function set_parameters(list, words, n, i)
{
	split("", parameter)
	n = list == "void" ? 0 : split(list, words, ",")
	for (i = 1; i <= n; i++) {
		sub(/.*[^A-Za-z0-9_]/, "", words[i])
		parameter[words[i]]
	}
}

function word_before_colon(line)
{
	return substr(line, 1, index(line, ":") - 1)
}

function check_doc(is_void, n, i, line, word, section, context, seen)
{
	split("", seen)
	n = split(doc, line, "\n")
	if (index(line[1], name " - ") != 1)
		lacks("does not begin with \"" name " - \"")
	for (i = 2; i <= n; i++) {
		word = word_before_colon(line[i])
		if (line[i] ~ /^@[A-Za-z0-9_]+: ./) {
			section = "@"
			seen[word]
			if (!(substr(word, 2) in parameter))
				lacks(word " is no parameter")
		} else if (line[i] ~ /^(Return|Context|Since): ./) {
			section = word
			seen[word]
		} else if (section == "Return" && line[i] ~ /^-E[A-Z0-9]+: ./) {
			print "errno", name, substr(word, 2)
		} else if (line[i] ~ /^(@[^ ]*|Return|Context|Since):/ || \
			   (section == "Return" && line[i] ~ /^-E/)) {
			lacks("cannot be parsed: " line[i])
		}
		if (section == "Context")
			context = context " " line[i]
	}
	for (word in parameter)
		if (!("@" word in seen))
			lacks("no @" word ":")
	if (is_void && "Return" in seen)
		lacks("Return: of a void function")
	if (!is_void && !("Return" in seen))
		lacks("no Return:")
	if (context !~ /block/)
		lacks("Context: does not say whether it blocks")
	if (context !~ /thread|one reaper/)
		lacks("Context: does not say which threads may call it")
	if (context !~ /async-signal-safe/)
		lacks("Context: does not say whether it is async-signal-safe")
	if (section != "Since" || line[n] !~ /^Since: [0-9]+\.[0-9]+$/)
		lacks("does not end with \"Since: major.minor\"")
	else
		print "since", name, substr(line[n], 8)
}

function declaration(text, list)
{
	gsub(/[ \t]+/, " ", text)
	sub(/^KAIO_(EXTERN_)?INLINE /, "", text)
	gsub(/\* /, "*", text)
	sub(/ $/, "", text)
	# The second declarations, for 64-bit time_t, are not documented again.
	if (text !~ /[^a-z0-9_]kaio_[a-z0-9_]+\(/ || text ~ /__asm__/)
		return
	print "prototype " text
	name = list = text
	sub(/\(.*/, "", name)
	sub(/.*[^a-z0-9_]/, "", name)
	sub(/[^(]*\(/, "", list)
	sub(/\)[^)]*$/, "", list)
	set_parameters(list)
	if (doc == "")
		lacks("there is none")
	else
		check_doc(text ~ /^void kaio_/)
	doc = ""
}

FNR == 1 { doc = text = ""; in_doc = 0 }

/^\/\*\*/ { in_doc = 1; doc = ""; next }
in_doc && /^ \*\// { in_doc = 0; next }
in_doc {
	sub(/^ \* ?/, "")
	doc = doc == "" ? $0 : doc "\n" $0
	next
}

/^KAIO_(BEGIN|END)_DECLS/ { next }

# Declarations begin in the first column, and nothing else does but comments,
# macros and braces.
/^[A-Za-z]/ || text != "" {
	text = text == "" ? $0 : text " " $0
	if (text ~ /[;{]/) {
		sub(/[;{].*/, "", text)
		declaration(text)
		text = ""
	}
}
