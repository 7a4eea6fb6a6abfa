/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Small files that are cached: what each way to read them takes of threads,
 * memory and processor. Each engine has a process of its own, for its memory to
 * be its own: this program again, as files-child.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_MAX 24

static const struct column files_columns[] = {
	{ "Files", "of 1 to 100 KB, cached, read in each iteration", 5, 0 },
	{ "Engine", "who reads them", 12, -1 },
	{ "Runtime (s)",
	  "of all iterations and 1 ms of sleep after each, "
	  "median",
	  11, 3 },
	{ "Ratio", "of that, to the baseline's in the same round, median", 6,
	  3 },
	{ "Threads", "most at a time, median", 7, 0 },
	{ "Resident (KiB)", "memory, the peak, median", 14, 0 },
	{ "Virtual (KiB)", "likewise", 13, 0 },
	{ "CPU (%)", "user and system time by runtime, median", 7, 1 },
	{ "Operations", "that the kernel completed, in all rounds", 10, 0 },
	{ 0 },
};

static const unsigned counts[] = { 1, 6, 12, 24 };
#define NR_COUNTS (sizeof(counts) / sizeof(*counts))

struct results {
	double runtime[ENGINES_MAX][ROUNDS_MAX];
	double threads[ENGINES_MAX][ROUNDS_MAX];
	double resident[ENGINES_MAX][ROUNDS_MAX];
	double address_space[ENGINES_MAX][ROUNDS_MAX];
	double cpu[ENGINES_MAX][ROUNDS_MAX];
	double ops[ENGINES_MAX];
};

static char directory[4096];

static const char *file_path(unsigned i)
{
	static char path[4200];

	snprintf(path, sizeof(path), "%s/%u", directory, i);
	return path;
}

static void remove_files(void)
{
	unsigned i;

	for (i = 0; i < FILES_MAX; i++)
		unlink(file_path(i));
	rmdir(directory);
}

/* Sizes are whole words, for the pattern. */
static size_t file_size(unsigned i)
{
	return (1024 + i * 101376 / 23) / 8 * 8;
}

static void make_files(const char *in)
{
	unsigned i;

	snprintf(directory, sizeof(directory), "%s/kaio-bench.XXXXXX", in);
	if (!mkdtemp(directory))
		die("%s: no directory can be made there: %s", in,
		    strerror(errno));
	atexit(remove_files);
	for (i = 0; i < FILES_MAX; i++) {
		int fd = open(file_path(i), O_RDWR | O_CREAT | O_CLOEXEC, 0666);

		if (fd < 0)
			die("%s: %s", file_path(i), strerror(errno));
		pattern_fill(file_path(i), fd, file_size(i));
		close(fd);
	}
}

static void ask_child(const struct options *options, unsigned nr, unsigned e,
		      unsigned round, struct results *results)
{
	char command[8192];
	FILE *child;
	double ops = 0;
	int status;

	if (options->engines[e]->is_python)
		python_command(command, sizeof(command), options->engines[e],
			       nr, options->iterations, directory);
	else
		snprintf(command, sizeof(command),
			 "exec '/proc/%d/exe' files-child -e %s -n %u -i %u%s "
			 "'%s'",
			 (int)getpid(), options->engines[e]->name, nr,
			 options->iterations, options->verify ? " -v" : "",
			 directory);
	fflush(stdout);
	child = popen(command, "r");
	if (!child)
		die("no process can be started: %s", strerror(errno));
	if (fscanf(child, "%lf %lf %lf %lf %lf %lf",
		   &results->runtime[e][round], &results->threads[e][round],
		   &results->resident[e][round],
		   &results->address_space[e][round], &results->cpu[e][round],
		   &ops) != 6)
		ops = 0;
	status = pclose(child);
	if (status || ops == 0)
		die("%s: its process failed", options->engines[e]->name);
	results->ops[e] += ops;
}

static void print_rows(const struct options *options, unsigned nr,
		       struct results *r)
{
	const unsigned rounds = options->rounds;
	unsigned base = options_baseline(options);
	double ratios[ENGINES_MAX];
	unsigned e;

	for (e = 0; e < options->nr_engines; e++)
		ratios[e] =
			ratio(r->runtime[e], r->runtime[base], rounds).median;
	table_gap();
	for (e = 0; e < options->nr_engines; e++) {
		table_number(nr);
		table_text(options->engines[e]->name);
		table_number(median(r->runtime[e], rounds));
		table_number(ratios[e]);
		table_number(median(r->threads[e], rounds));
		table_number(median(r->resident[e], rounds));
		table_number(median(r->address_space[e], rounds));
		table_number(median(r->cpu[e], rounds));
		table_number(r->ops[e]);
	}
}

static void measure(const struct options *options, unsigned nr)
{
	static struct results results;
	unsigned round, i;

	results = (struct results){ 0 };
	for (round = 0; round < options->rounds; round++)
		for (i = 0; i < options->nr_engines; i++) {
			unsigned e = options_turn(options, round, i);

			progress("%u files, round %u of %u, %s", nr, round + 1,
				 options->rounds, options->engines[e]->name);
			ask_child(options, nr, e, round, &results);
		}
	print_rows(options, nr, &results);
}

static void run(struct options *options)
{
	const struct engine *const by_default[] = {
		&pread_engine,
		&pool_engine,
		&posix_engine,
		&posix_thread_engine,
		engine_find("libaio", 6),
		&kaio_engine,
		&python_engine,
		&python_kaio_engine,
	};
	char title[256];
	size_t i;

	if (!options->nr_engines)
		for (i = 0; i < sizeof(by_default) / sizeof(*by_default); i++)
			if (by_default[i])
				options->engines[options->nr_engines++] =
					by_default[i];
	if (!options->rounds)
		options->rounds = 3;
	if (!options->iterations)
		options->iterations = 1000;
	options_need_engines(options, "pread");
	report_begin("files");
	engines_try(options, FILES_MAX);
	make_files(options->directory);
	snprintf(title, sizeof(title), "files: cached, %u times, ratios to %s",
		 options->iterations, options->against->name);
	table_begin(title, files_columns);
	for (i = 0; i < NR_COUNTS; i++)
		measure(options, counts[i]);
	table_end();
	report_end();
}

const struct command files_command = {
	.name = "files",
	.arguments = "[OPTION...]",
	.about = "small cached files: threads, memory and processor",
	.details =
		"Reads 1, 6, 12 and 24 files of 1 to 100 KB, which are open "
		"and cached, then sleeps\n1 ms, and does so --iterations "
		"times (1000); each engine in a process of its own.\nKernel "
		"AIO reads such files inside io_submit(2), one by one: it is "
		"not faster.\n\nThe rows python and kaio.py are left out where "
		"there is no python3.",
	.columns = files_columns,
	.options = "eariDv",
	.run = run,
};
