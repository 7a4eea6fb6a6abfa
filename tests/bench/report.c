/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Rows are printed as they come: in text below a head, in JSON as objects whose
 * names are the columns', in CSV with one head for all tables. Notes stand
 * among the text, at JSON's end, and beside CSV on standard error. All of it
 * can go to files, too.
 */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NOTES_MAX 32

enum format format = FORMAT_TEXT;
const char *save_as;

static struct sink {
	FILE *file;
	enum format format;
	unsigned tables;
	bool skips; /* this table */
} sinks[3];
static unsigned nr_sinks;

static const struct column *columns;
static unsigned column, rows;
static bool in_progress;
static char *notes[NOTES_MAX];
static unsigned nr_notes;

static void open_sink(FILE *file, enum format as)
{
	sinks[nr_sinks].file = file;
	sinks[nr_sinks++].format = as;
}

static void save(const char *suffix, enum format as)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s.%s", save_as, suffix);
	file = fopen(path, "we");
	if (!file)
		die("%s: %s", path, strerror(errno));
	open_sink(file, as);
}

static void print_json(FILE *file, const char *text)
{
	putc('"', file);
	for (; *text; text++) {
		if ((unsigned char)*text < ' ') {
			fprintf(file, "\\u%04x", *text);
			continue;
		}
		if (*text == '"' || *text == '\\')
			putc('\\', file);
		putc(*text, file);
	}
	putc('"', file);
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
	unsigned i;
	double load;

	open_sink(stdout, format);
	if (save_as) {
		save("json", FORMAT_JSON);
		save("csv", FORMAT_CSV);
	}
	machine(text, sizeof(text), &load);
	for (i = 0; i < nr_sinks; i++) {
		FILE *file = sinks[i].file;

		if (sinks[i].format == FORMAT_TEXT)
			fprintf(file, "%s\n", text);
		if (sinks[i].format != FORMAT_JSON)
			continue;
		fprintf(file, "{\"command\": ");
		print_json(file, command);
		fprintf(file, ", \"machine\": ");
		print_json(file, text);
		fprintf(file, ",\n \"tables\": [");
	}
	if (load > (double)sysconf(_SC_NPROCESSORS_ONLN) / 2)
		note("the machine is busy: ratios mean something, rates "
		     "little");
	if (engines_missing)
		note("%s", engines_missing);
}

void report_end(void)
{
	unsigned i, k;

	for (i = 0; i < nr_sinks; i++) {
		FILE *file = sinks[i].file;

		if (sinks[i].format == FORMAT_JSON) {
			fprintf(file, "],\n \"notes\": [");
			for (k = 0; k < nr_notes; k++) {
				fprintf(file, "%s", k ? ", " : "");
				print_json(file, notes[k]);
			}
			fprintf(file, "]}\n");
		}
		if (fflush(file) || ferror(file))
			die("the report cannot be written");
		if (file != stdout)
			fclose(file);
	}
	while (nr_notes)
		free(notes[--nr_notes]);
}

static void print_head(const struct sink *sink)
{
	const struct column *c;

	for (c = columns; c->name; c++) {
		int width = c->decimals < 0 ? -c->width : c->width;
		bool text = sink->format == FORMAT_TEXT;

		if (c != columns)
			fprintf(sink->file, text ? "  " : ",");
		fprintf(sink->file, "%*s", text ? width : 0, c->name);
	}
	putc('\n', sink->file);
}

/* A second kind of table would be no CSV: only the first goes there. */
void table_begin(const char *title, const struct column *of)
{
	static const struct column *in_csv;
	unsigned i;

	progress_end();
	if (!in_csv)
		in_csv = of;
	columns = of;
	column = rows = 0;
	for (i = 0; i < nr_sinks; i++) {
		struct sink *sink = &sinks[i];
		bool first = !sink->tables++;

		sink->skips = sink->format == FORMAT_CSV && of != in_csv;
		if (sink->format == FORMAT_JSON) {
			fprintf(sink->file,
				"%s\n  {\"title\": ", first ? "" : ",");
			print_json(sink->file, title);
			fprintf(sink->file, ", \"rows\": [");
			continue;
		}
		if (sink->format == FORMAT_TEXT)
			fprintf(sink->file, "\n%s\n\n", title);
		if (sink->format == FORMAT_TEXT || first)
			print_head(sink);
	}
}

static void cell_begin(const struct sink *sink)
{
	if (sink->format != FORMAT_JSON) {
		if (column)
			fprintf(sink->file, "%s",
				sink->format == FORMAT_CSV ? "," : "  ");
		return;
	}
	if (column)
		fprintf(sink->file, ", ");
	else
		fprintf(sink->file, "%s\n   {", rows ? "," : "");
	print_json(sink->file, columns[column].name);
	fprintf(sink->file, ": ");
}

static void cell_end(const struct sink *sink)
{
	if (columns[column + 1].name)
		return;
	fprintf(sink->file, "%s", sink->format == FORMAT_JSON ? "}" : "\n");
	fflush(sink->file);
}

/* text: or else number */
static void cell(const char *text, double number)
{
	const struct column *c = &columns[column];
	unsigned i;

	progress_end();
	for (i = 0; i < nr_sinks; i++) {
		const struct sink *sink = &sinks[i];
		int width = sink->format == FORMAT_TEXT ? c->width : 0;

		if (sink->skips)
			continue;
		cell_begin(sink);
		if (text && sink->format == FORMAT_JSON)
			print_json(sink->file, text);
		else if (text)
			fprintf(sink->file, "%-*s", width, text);
		else if (!isnan(number))
			fprintf(sink->file, "%*.*f", width, c->decimals,
				number);
		else if (sink->format != FORMAT_CSV)
			fprintf(sink->file, "%*s", width,
				sink->format == FORMAT_JSON ? "null" : "-");
		cell_end(sink);
	}
	if (!columns[++column].name) {
		column = 0;
		rows++;
	}
}

void table_text(const char *text)
{
	cell(text, 0);
}

void table_number(double number)
{
	cell(NULL, number);
}

void table_gap(void)
{
	unsigned i;

	for (i = 0; i < nr_sinks && rows; i++)
		if (sinks[i].format == FORMAT_TEXT)
			putc('\n', sinks[i].file);
}

void table_end(void)
{
	unsigned i;

	for (i = 0; i < nr_sinks; i++)
		if (sinks[i].format == FORMAT_JSON)
			fprintf(sinks[i].file, "]}");
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

static void complain(const char *text, va_list arguments)
{
	progress_end();
	fflush(stdout);
	fprintf(stderr, "kaio-bench: ");
	vfprintf(stderr, text, arguments);
	fputc('\n', stderr);
}

void die(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	complain(text, arguments);
	va_end(arguments);
	exit(1);
}

void usage_error(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	complain(text, arguments);
	va_end(arguments);
	exit(2);
}

void *must_have(void *memory)
{
	if (!memory)
		die("out of memory");
	return memory;
}
