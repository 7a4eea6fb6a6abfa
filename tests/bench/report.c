/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Rows are printed as they come: in text below a head, in JSON as objects whose
 * names are the columns', in CSV with one head for all tables. Notes stand
 * among the text, at JSON's end, and beside CSV on standard error.
 */
#include "bench.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NOTES_MAX 32

enum format format = FORMAT_TEXT;

static const struct column *columns;
static unsigned column, rows, tables;
static bool in_progress;
static char *notes[NOTES_MAX];
static unsigned nr_notes;

static void print_json(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if ((unsigned char)*text < ' ') {
			printf("\\u%04x", *text);
			continue;
		}
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void model(char *buffer, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(buffer, size, "unknown processor");
	while (file && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(buffer, size, "%s", colon + 2);
		break;
	}
	if (file)
		fclose(file);
}

static void machine(char *buffer, size_t size, double *load)
{
	const double gib = 1024.0 * 1024 * 1024;
	double bytes =
		(double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
	struct utsname name;
	char cpu[128];

	uname(&name);
	model(cpu, sizeof(cpu));
	if (getloadavg(load, 1) < 1)
		*load = 0;
	snprintf(buffer, size, "%s %s %s, %ld of %s, %.0f GiB, load %.1f",
		 name.sysname, name.release, name.machine,
		 sysconf(_SC_NPROCESSORS_ONLN), cpu, bytes / gib, *load);
}

void report_begin(const char *command)
{
	char text[512];
	double load;

	machine(text, sizeof(text), &load);
	if (format == FORMAT_JSON) {
		printf("{\"command\": ");
		print_json(command);
		printf(", \"machine\": ");
		print_json(text);
		printf(",\n \"tables\": [");
	} else if (format == FORMAT_TEXT) {
		printf("%s\n", text);
	}
	if (load > (double)sysconf(_SC_NPROCESSORS_ONLN) / 2)
		note("the machine is busy: ratios mean something, rates "
		     "little");
	if (engines_missing)
		note("%s", engines_missing);
}

void report_end(void)
{
	unsigned i;

	if (format == FORMAT_JSON) {
		printf("],\n \"notes\": [");
		for (i = 0; i < nr_notes; i++) {
			printf("%s", i ? ", " : "");
			print_json(notes[i]);
		}
		printf("]}\n");
	}
	while (nr_notes)
		free(notes[--nr_notes]);
	if (fflush(stdout))
		die("standard output: it cannot be written");
}

void table_begin(const char *title, const struct column *of)
{
	const struct column *c;

	progress_end();
	columns = of;
	column = rows = 0;
	if (format == FORMAT_JSON) {
		printf("%s\n  {\"title\": ", tables++ ? "," : "");
		print_json(title);
		printf(", \"rows\": [");
		return;
	}
	if (format == FORMAT_CSV && tables++)
		return;
	if (format == FORMAT_TEXT)
		printf("\n%s\n\n", title);
	for (c = columns; c->name; c++) {
		if (format == FORMAT_CSV)
			printf("%s%s", c == columns ? "" : ",", c->name);
		else
			printf("%s%*s", c == columns ? "" : "  ",
			       c->decimals < 0 ? -c->width : c->width, c->name);
	}
	putchar('\n');
}

static const struct column *cell_begin(void)
{
	const struct column *c = &columns[column];

	progress_end();
	if (format == FORMAT_JSON) {
		if (column == 0)
			printf("%s\n   {", rows ? "," : "");
		else
			printf(", ");
		print_json(c->name);
		printf(": ");
	} else if (column) {
		printf("%s", format == FORMAT_CSV ? "," : "  ");
	}
	return c;
}

static void cell_end(void)
{
	if (columns[++column].name)
		return;
	column = 0;
	rows++;
	printf("%s", format == FORMAT_JSON ? "}" : "\n");
	fflush(stdout);
}

void table_text(const char *text)
{
	const struct column *c = cell_begin();

	if (format == FORMAT_JSON)
		print_json(text);
	else if (format == FORMAT_CSV)
		printf("%s", text);
	else
		printf("%-*s", c->width, text);
	cell_end();
}

void table_number(double number)
{
	const struct column *c = cell_begin();
	int width = format == FORMAT_TEXT ? c->width : 0;

	if (!isnan(number))
		printf("%*.*f", width, c->decimals, number);
	else if (format != FORMAT_CSV)
		printf("%*s", width, format == FORMAT_JSON ? "null" : "-");
	cell_end();
}

void table_gap(void)
{
	if (format == FORMAT_TEXT && rows)
		putchar('\n');
}

void table_end(void)
{
	if (format == FORMAT_JSON)
		printf("]}");
}

void note(const char *text, ...)
{
	char line[512];
	va_list arguments;
	unsigned i;

	va_start(arguments, text);
	vsnprintf(line, sizeof(line), text, arguments);
	va_end(arguments);
	for (i = 0; i < nr_notes; i++)
		if (strcmp(notes[i], line) == 0)
			return;
	if (nr_notes == NOTES_MAX)
		return;
	notes[nr_notes++] = must_have(strdup(line));
	progress_end();
	if (format == FORMAT_TEXT)
		printf("note: %s\n", line);
	else if (format == FORMAT_CSV)
		fprintf(stderr, "note: %s\n", line);
}

void progress(const char *text, ...)
{
	va_list arguments;

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K");
	va_start(arguments, text);
	vfprintf(stderr, text, arguments);
	va_end(arguments);
	in_progress = true;
}

void progress_end(void)
{
	if (in_progress)
		fprintf(stderr, "\r\033[K");
	in_progress = false;
}

void die(const char *text, ...)
{
	va_list arguments;

	progress_end();
	fflush(stdout);
	fprintf(stderr, "kaio-bench: ");
	va_start(arguments, text);
	vfprintf(stderr, text, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void *must_have(void *memory)
{
	if (!memory)
		die("out of memory");
	return memory;
}
