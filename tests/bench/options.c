/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The command line: each option once, for the commands that take it. */
#include "bench.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	char letter;
	const char *name, *argument, *about;
} known[] = {
	{ 'e', "engines", "LIST", "these engines, by commas; see below" },
	{ 'a', "against", "ENGINE", "ratios are to this one (libaio)" },
	{ 'p', "points", "LIST", "depth:batch, by commas" },
	{ 'b', "block", "BYTES", "per operation; the smallest of them" },
	{ 'B', "block-max", "BYTES", "the largest block" },
	{ 'n', "batch", "N", "operations per request" },
	{ 'd', "depth", "N", "operations in flight, at most" },
	{ 'i', "iterations", "N", "of each turn" },
	{ 'r', "rounds", "N", "rounds, in each of which all take turns" },
	{ 't', "time", "MS", "milliseconds for each turn" },
	{ 's', "size", "BYTES", "of the file made where no FILE is named" },
	{ 'D', "directory", "DIR", "where that file is made (.)" },
	{ 'w', "write", NULL, "write the bench's pattern instead of reading" },
	{ 'u', "buffered", NULL, "no O_DIRECT" },
	{ 'v', "verify", NULL,
	  "look at the data of each read, not only the "
	  "warm-up's" },
	{ 'j', "json", NULL, "JSON" },
	{ 'c', "csv", NULL, "CSV; notes go to standard error" },
	{ 'o', "save", "NAME", "besides: to NAME.json and NAME.csv" },
	{ 'h', "help", NULL, "this text" },
};

#define NR_KNOWN (sizeof(known) / sizeof(known[0]))

static bool takes(const struct command *command, char letter)
{
	if (strchr("jco", letter))
		return command->columns != NULL;
	return letter == 'h' || strchr(command->options, letter);
}

static void list_engines(void)
{
	size_t i;

	printf("\nEngines:\n");
	for (i = 0; engines[i]; i++)
		printf("  %-14s %s%s\n", engines[i]->name, engines[i]->about,
		       engines[i]->asked_for ? " (if named)" : "");
	if (engines_missing)
		printf("  not here: %s\n", engines_missing);
}

static void explain(const struct column *column)
{
	printf("\nColumns:\n");
	for (; column->name; column++)
		printf("  %-16s %s\n", column->name, column->about);
}

static void help(const struct command *command)
{
	size_t i;

	printf("usage: kaio-bench %s %s\n\n%s\n\nOptions:\n", command->name,
	       command->arguments, command->details);
	for (i = 0; i < NR_KNOWN; i++) {
		char name[32];

		if (!takes(command, known[i].letter))
			continue;
		snprintf(name, sizeof(name), "--%s%s%s", known[i].name,
			 known[i].argument ? " " : "",
			 known[i].argument ? known[i].argument : "");
		printf("  -%c, %-18s %s\n", known[i].letter, name,
		       known[i].about);
	}
	printf("Numbers of bytes may end in k, M or G.\n");
	if (command->columns)
		explain(command->columns);
	if (command->more_columns)
		explain(command->more_columns);
	if (strchr(command->options, 'e'))
		list_engines();
	exit(0);
}

/* Which option is being read, for what is wrong with it. */
static const char *reading;

static uint64_t number(const char *text, uint64_t least, uint64_t most,
		       bool bytes)
{
	static const char units[] = "kMG";
	char *end;
	uint64_t value = strtoull(text, &end, 10);
	const char *unit = bytes && *end ? strchr(units, *end) : NULL;
	long shift = 0;

	if (unit) {
		shift = 10 * (unit - units + 1);
		end++;
	}
	if (end == text || *end || *text == '-' || value > most >> shift ||
	    value << shift < least)
		usage_error("--%s %s: not a number from %llu to %llu", reading,
			    text, (unsigned long long)least,
			    (unsigned long long)most);
	return value << shift;
}

/* The next part of a list; NULL at its end. */
static const char *part(const char **list, size_t *length)
{
	const char *start = *list;

	if (!*start)
		return NULL;
	*length = strcspn(start, ",");
	*list = start + *length + (start[*length] == ',');
	return start;
}

static const struct engine *engine_named(const char *name, size_t length)
{
	const struct engine *engine = engine_find(name, length);

	if (!engine)
		usage_error("--%s %.*s: no such engine here; --help lists them",
			    reading, (int)length, name);
	return engine;
}

static void parse_engines(struct options *options, const char *list)
{
	const char *name;
	size_t length;

	options->nr_engines = 0;
	while ((name = part(&list, &length))) {
		if (options->nr_engines == ENGINES_MAX)
			usage_error("--%s: too many engines", reading);
		options->engines[options->nr_engines++] =
			engine_named(name, length);
	}
}

static void parse_points(struct options *options, const char *list)
{
	const char *text;
	size_t length;

	options->nr_points = 0;
	while ((text = part(&list, &length))) {
		struct point *point = &options->points[options->nr_points];
		int used = 0;

		if (options->nr_points++ == POINTS_MAX)
			usage_error("--%s: too many points", reading);
		if (sscanf(text, "%u:%u%n", &point->depth, &point->batch,
			   &used) != 2 ||
		    (size_t)used != length || !point->batch ||
		    point->depth > 1 << 20 || point->depth % point->batch ||
		    !point->depth)
			usage_error("--%s %.*s: not a point, which is a depth, "
				    "a colon, and a batch of which the depth "
				    "is a multiple",
				    reading, (int)length, text);
	}
}

static void take(const struct command *command, struct options *options,
		 int letter, const char *value)
{
	switch (letter) {
	case 'e':
		parse_engines(options, value);
		break;
	case 'a':
		options->against = engine_named(value, strlen(value));
		break;
	case 'p':
		parse_points(options, value);
		break;
	case 'b':
		options->block = number(value, 512, 1 << 30, true);
		break;
	case 'B':
		options->block_max = number(value, 512, 1 << 30, true);
		break;
	case 'n':
		options->batch = (unsigned)number(value, 1, 65536, false);
		break;
	case 'd':
		options->depth = (unsigned)number(value, 1, 65536, false);
		break;
	case 'i':
		options->iterations =
			(unsigned)number(value, 1, 1000000, false);
		break;
	case 'r':
		options->rounds = (unsigned)number(value, 1, ROUNDS_MAX, false);
		break;
	case 't':
		options->turn_ns =
			(int64_t)number(value, 0, 1000000, false) * 1000000;
		break;
	case 's':
		options->size = number(value, 4096, UINT64_C(1) << 50, true);
		break;
	case 'D':
		options->directory = value;
		break;
	case 'w':
		options->writes = true;
		break;
	case 'u':
		options->buffered = true;
		break;
	case 'v':
		options->verify = true;
		break;
	case 'j':
		format = FORMAT_JSON;
		break;
	case 'o':
		save_as = value;
		break;
	case 'c':
		format = FORMAT_CSV;
		break;
	default:
		help(command);
	}
}

struct options options_parse(const struct command *command, int argc,
			     char **argv)
{
	struct options options = { .directory = ".", .turn_ns = -1 };
	struct option longs[NR_KNOWN + 1] = { 0 };
	char shorts[2 * NR_KNOWN + 1] = "";
	size_t i, n = 0;
	int letter;

	for (i = 0; i < NR_KNOWN; i++) {
		if (!takes(command, known[i].letter))
			continue;
		longs[n].name = known[i].name;
		longs[n].has_arg = known[i].argument != NULL;
		longs[n++].val = known[i].letter;
		snprintf(shorts + strlen(shorts), 3, "%c%s", known[i].letter,
			 known[i].argument ? ":" : "");
	}
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == '?')
			usage_error("kaio-bench %s --help lists the options",
				    command->name);
		for (i = 0; known[i].letter != letter; i++)
			;
		reading = known[i].name;
		take(command, &options, letter, optarg);
	}
	options.targets = argv + optind;
	return options;
}

unsigned options_baseline(const struct options *options)
{
	unsigned i = 0;

	while (i < options->nr_engines &&
	       options->engines[i] != options->against)
		i++;
	return i;
}

/* Each comes after another one in every second round: it may leave traces. */
unsigned options_turn(const struct options *options, unsigned round, unsigned i)
{
	return round % 2 ? options->nr_engines - 1 - i : i;
}

void options_need_engines(struct options *options, const char *against)
{
	unsigned i;

	if (!options->nr_engines)
		for (i = 0; engines[i]; i++)
			if (!engines[i]->asked_for)
				options->engines[options->nr_engines++] =
					engines[i];
	for (i = 0; !options->against && i < options->nr_engines; i++)
		if (strcmp(options->engines[i]->name, against) == 0)
			options->against = options->engines[i];
	if (!options->against)
		options->against = options->engines[0];
	if (options_baseline(options) < options->nr_engines)
		return;
	if (options->nr_engines == ENGINES_MAX)
		usage_error("too many engines");
	options->engines[options->nr_engines++] = options->against;
}
