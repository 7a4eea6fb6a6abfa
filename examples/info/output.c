/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "output.h"

#include <stddef.h>
#include <stdio.h>

static bool json;
static bool first;
static bool in_item; /* text: on the line of the hyphen */
static int depth;

/* The length of the UTF-8 sequence at the beginning, 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t length = s[0] < 0x80   ? 1
			: s[0] < 0xc2 ? 0
			: s[0] < 0xe0 ? 2
			: s[0] < 0xf0 ? 3
			: s[0] < 0xf5 ? 4
				      : 0;

	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than needed, a surrogate, above U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

/* A byte that is not UTF-8 becomes what Python's surrogateescape makes of it.
 */
static void put_json_string(const char *string)
{
	const unsigned char *s = (const unsigned char *)string;

	putchar('"');
	while (*s) {
		size_t length = utf8_length(s);

		if (length == 0)
			printf("\\udc%02x", *s++);
		else if (*s < 0x20 || *s == 0x7f)
			printf("\\u%04x", *s++);
		else if (*s == '"' || *s == '\\')
			printf("\\%c", *s++);
		else
			s += fwrite(s, 1, length, stdout);
	}
	putchar('"');
}

/* A file name must not control the terminal. */
static void put_text(const char *string)
{
	for (const unsigned char *s = (const unsigned char *)string; *s; s++)
		putchar(*s < 0x20 || *s == 0x7f ? '?' : *s);
}

static void put_name(const char *name)
{
	if (json) {
		printf(first ? "\n" : ",\n");
		printf("%*s", 2 * depth, "");
		if (name) {
			put_json_string(name);
			printf(": ");
		}
	} else {
		if (!in_item)
			printf("%*s", 2 * (depth - 1), "");
		printf(name ? "%s:" : "-", name);
	}
	first = false;
	in_item = !name;
}

static void open_bracket(const char *name, char bracket)
{
	put_name(name);
	if (json)
		putchar(bracket);
	else
		putchar(name ? '\n' : ' ');
	first = true;
	depth++;
}

static void close_bracket(char bracket)
{
	depth--;
	if (json && first)
		putchar(bracket);
	else if (json)
		printf("\n%*s%c", 2 * depth, "", bracket);
	first = false;
	in_item = false;
}

void output_begin(bool as_json)
{
	json = as_json;
	if (json)
		putchar('{');
	first = true;
	depth = 1;
}

void output_end(void)
{
	close_bracket('}');
	if (json)
		putchar('\n');
}

void output_object(const char *name)
{
	open_bracket(name, '{');
}

void output_object_end(void)
{
	close_bracket('}');
}

void output_list(const char *name)
{
	open_bracket(name, '[');
}

void output_list_end(void)
{
	close_bracket(']');
}

void output_string(const char *name, const char *value)
{
	put_name(name);
	if (json) {
		put_json_string(value);
	} else {
		putchar(' ');
		put_text(value);
		putchar('\n');
	}
	in_item = false;
}

/* What is no string in JSON, and looks the same in both. */
static void put_word(const char *name, const char *word)
{
	put_name(name);
	printf(json ? "%s" : " %s\n", word);
	in_item = false;
}

void output_number(const char *name, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
	put_word(name, digits);
}

void output_bool(const char *name, bool value)
{
	put_word(name, json ? value ? "true" : "false" : value ? "yes" : "no");
}

void output_unknown(const char *name)
{
	put_word(name, json ? "null" : "unknown");
}

void output_bits(const char *name, uint32_t bits, const char *const *words,
		 unsigned nr_words)
{
	const char *separator = "";

	put_name(name);
	if (json)
		putchar('[');
	for (unsigned i = 0; i < nr_words; i++) {
		if (!(bits & UINT32_C(1) << i) || !words[i])
			continue;
		printf(json ? "%s\"%s\"" : "%s %s", separator, words[i]);
		separator = json ? ", " : "";
	}
	putchar(json ? ']' : '\n');
	in_item = false;
}
