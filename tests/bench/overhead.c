/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What an operation costs by each engine, where the I/O costs little. */
#include "bench.h"

static const struct column overhead_columns[] = {
	{ "Depth", "operations in flight", 5, 0 },
	{ "Batch", "operations submitted, and collected, at a time", 5, 0 },
	{ "Engine", "who does them", 12, -1 },
	{ "kOps/s", "thousand operations a second, median of the rounds", 8,
	  1 },
	{ "Ratio", "to the baseline's in the same round, the median", 6, 3 },
	{ "Low", "the lower quartile of these ratios", 6, 3 },
	{ "High", "the upper quartile", 6, 3 },
	{ "CPU (us)",
	  "processor time of one operation, median; also of the "
	  "kernel's threads that work for the process",
	  8, 2 },
	{ "Operations", "that the kernel completed, in all rounds", 10, 0 },
	{ 0 },
};

/* By engine and round. */
struct results {
	double rates[ENGINES_MAX][ROUNDS_MAX];
	double cpu[ENGINES_MAX][ROUNDS_MAX];
	uint64_t ops[ENGINES_MAX];
};

static void take_turns(const struct options *options, struct drive *drive,
		       const char *where, struct results *results)
{
	unsigned round, i;

	for (round = 0; round < options->rounds; round++)
		for (i = 0; i < options->nr_engines; i++) {
			unsigned e = options_turn(options, round, i);
			struct turn turn;

			progress("%s, round %u of %u, %s", where, round + 1,
				 options->rounds, options->engines[e]->name);
			turn = drive_turn(drive, options->engines[e],
					  options->turn_ns);
			results->rates[e][round] =
				(double)turn.ops * 1e6 / (double)turn.wall_ns;
			results->cpu[e][round] =
				(double)turn.cpu_ns / 1e3 / (double)turn.ops;
			results->ops[e] += turn.ops;
		}
}

static void print_rows(const struct options *options, struct point point,
		       struct results *results)
{
	struct ratio ratios[ENGINES_MAX];
	unsigned e, base = options_baseline(options);

	for (e = 0; e < options->nr_engines; e++)
		ratios[e] = ratio(results->rates[e], results->rates[base],
				  options->rounds);
	for (e = 0; e < options->nr_engines; e++) {
		table_number(point.depth);
		table_number(point.batch);
		table_text(options->engines[e]->name);
		table_number(median(results->rates[e], options->rounds));
		table_number(ratios[e].median);
		table_number(ratios[e].low);
		table_number(ratios[e].high);
		table_number(median(results->cpu[e], options->rounds));
		table_number((double)results->ops[e]);
	}
}

static void measure(const struct options *options, const char *path)
{
	static struct results results;
	uint64_t block = options->block;
	struct target target;
	char title[512];
	unsigned i;

	if (!block)
		block = target_default_block(path);
	target = target_open(path, options, block, block);
	target_title(title, sizeof(title), "overhead", &target, options, block);
	table_begin(title, overhead_columns);
	for (i = 0; i < options->nr_points; i++) {
		const struct job job = {
			.target = &target,
			.depth = options->points[i].depth,
			.batch = options->points[i].batch,
			.block = block,
			.verify = options->verify,
		};
		struct drive *drive = drive_new(&job);
		char where[256];

		results = (struct results){ 0 };
		snprintf(where, sizeof(where), "%s, depth %u, batch %u", path,
			 job.depth, job.batch);
		take_turns(options, drive, where, &results);
		table_gap();
		print_rows(options, options->points[i], &results);
		drive_free(drive);
	}
	table_end();
	target_close(&target);
}

static void run(struct options *options)
{
	static char null[] = "/dev/null";
	static char *const by_default[] = { null, NULL };
	static const struct point points[] = {
		{ 1, 1 }, { 32, 1 }, { 32, 8 }, { 128, 32 }
	};
	unsigned i, depth = 1;
	char *const *path;

	if (!options->nr_points)
		for (; options->nr_points < 4; options->nr_points++)
			options->points[options->nr_points] =
				points[options->nr_points];
	/* Turns shorter than a time slice: another program spoils few. */
	if (!options->rounds)
		options->rounds = 31;
	if (options->turn_ns < 0)
		options->turn_ns = 5000000;
	options_need_engines(options, "libaio");
	report_begin("overhead");
	for (i = 0; i < options->nr_points; i++)
		if (options->points[i].depth > depth)
			depth = options->points[i].depth;
	engines_try(options, depth);
	if (options->verify)
		note("the time that it takes to verify is counted");
	for (path = *options->targets ? options->targets : by_default; *path;
	     path++)
		measure(options, *path);
	report_end();
}

const struct command overhead_command = {
	.name = "overhead",
	.arguments = "[OPTION...] [FILE...]",
	.about = "operations a second, where they cost little",
	.details =
		"Keeps operations in flight on each FILE (/dev/null): depth "
		"of them, of which a\nbatch is collected and submitted at a "
		"time. A file or block device is read in\nblocks of 4096 bytes "
		"with O_DIRECT, a character device written in blocks of 512.\n"
		"The engines take turns; with the baseline's each round gives "
		"a ratio.",
	.columns = overhead_columns,
	.options = "eapbrtuv",
	.run = run,
};
