/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The time that one operation at a time takes; and what watching the ring
 * before a sleep is worth, by several values of spin_ns.
 */
#include "bench.h"

#include <kaio/queue.h>

#include <stdlib.h>
#include <string.h>

/* Per turn. */
#define LATENCIES_MAX 1000000

#define SIZE_OF_A_FILE (UINT64_C(256) << 20)

static const struct column latency_columns[] = {
	{ "Engine", "who does them", 12, -1 },
	{ "Median (us)",
	  "microseconds from push to collection, median of each "
	  "turn, median of the turns",
	  11, 2 },
	{ "P99 (us)", "the 99th percentile of each turn, median of the turns",
	  9, 2 },
	{ "Ratio",
	  "of the medians, to the baseline's in the same round: less "
	  "is better",
	  6, 3 },
	{ "Low", "the lower quartile of these ratios", 6, 3 },
	{ "High", "the upper quartile", 6, 3 },
	{ "CPU (%)", "processor time by wall time, median", 7, 0 },
	{ "Operations", "that the kernel completed, in all rounds", 10, 0 },
	{ 0 },
};

/* By engine and round. */
struct results {
	double medians[ENGINES_MAX][ROUNDS_MAX];
	double p99[ENGINES_MAX][ROUNDS_MAX];
	double cpu[ENGINES_MAX][ROUNDS_MAX];
	uint64_t ops[ENGINES_MAX];
};

static void take_turns(const struct options *options, struct drive *drive,
		       const struct job *job, struct results *results)
{
	unsigned round, i;

	for (round = 0; round < options->rounds; round++)
		for (i = 0; i < options->nr_engines; i++) {
			unsigned e = options_turn(options, round, i);
			struct turn turn;
			double *values = job->latencies;

			progress("%s, round %u of %u, %s", job->target->path,
				 round + 1, options->rounds,
				 options->engines[e]->name);
			turn = drive_turn(drive, options->engines[e],
					  options->turn_ns);
			results->p99[e][round] =
				percentile(values, turn.ops, 99);
			results->medians[e][round] =
				percentile(values, turn.ops, 50);
			results->cpu[e][round] = 100 * (double)turn.cpu_ns /
						 (double)turn.wall_ns;
			results->ops[e] += turn.ops;
		}
}

static void print_rows(const struct options *options, struct results *results)
{
	struct ratio ratios[ENGINES_MAX];
	const unsigned rounds = options->rounds;
	unsigned e, base = options_baseline(options);

	for (e = 0; e < options->nr_engines; e++)
		ratios[e] = ratio(results->medians[e], results->medians[base],
				  rounds);
	for (e = 0; e < options->nr_engines; e++) {
		table_text(options->engines[e]->name);
		table_number(median(results->medians[e], rounds));
		table_number(median(results->p99[e], rounds));
		table_number(ratios[e].median);
		table_number(ratios[e].low);
		table_number(ratios[e].high);
		table_number(median(results->cpu[e], rounds));
		table_number((double)results->ops[e]);
	}
}

static void measure(const struct options *options, const char *what,
		    const char *path)
{
	static struct results results;
	uint64_t block =
		options->block ? options->block : target_default_block(path);
	struct target target = target_open(path, options, block, block);
	struct job job = {
		.target = &target,
		.depth = 1,
		.batch = 1,
		.block = block,
		.verify = options->verify,
		.latencies = must_have(calloc(LATENCIES_MAX, sizeof(double))),
		.nr_latencies = LATENCIES_MAX,
	};
	struct drive *drive = drive_new(&job);
	char title[512];

	results = (struct results){ 0 };
	target_title(title, sizeof(title), what, &target, options, block);
	table_begin(title, latency_columns);
	take_turns(options, drive, &job, &results);
	print_rows(options, &results);
	table_end();
	drive_free(drive);
	free(job.latencies);
	target_close(&target);
}

static void run(struct options *options, const char *what)
{
	char *const *path = options->targets;

	if (!options->rounds)
		options->rounds = 15;
	if (options->turn_ns < 0)
		options->turn_ns = 50000000;
	options_need_engines(options, "pread");
	report_begin(what);
	engines_try(options, 1);
	for (; *path; path++)
		measure(options, what, *path);
	if (path == options->targets)
		measure(options, what,
			target_make(options->directory,
				    options->size ? options->size
						  : SIZE_OF_A_FILE));
	report_end();
}

static void run_latency(struct options *options)
{
	run(options, "latency");
}

static void run_spin(struct options *options)
{
	static const struct {
		const char *name;
		int64_t ns;
	} spins[] = { { "none", KAIO_NO_SPIN },
		      { "10 us", 10000 },
		      { "20 us", 20000 },
		      { "50 us", 50000 },
		      { "100 us", 100000 } };
	static struct engine by_spin[sizeof(spins) / sizeof(*spins)];
	size_t i;

	options->engines[options->nr_engines++] = &pread_engine;
	for (i = 0; i < sizeof(spins) / sizeof(*spins); i++) {
		by_spin[i] = kaio_engine;
		by_spin[i].name = spins[i].name;
		by_spin[i].spin_ns = spins[i].ns;
		options->engines[options->nr_engines++] = &by_spin[i];
	}
	run(options, "spin");
}

const struct command latency_command = {
	.name = "latency",
	.arguments = "[OPTION...] [FILE...]",
	.about = "the time one operation takes, one at a time",
	.details =
		"Does one operation at a time on each FILE, which is a file "
		"or a device, or on a\nfile of 256 MiB that is made for it. "
		"Reads blocks of 4096 bytes with O_DIRECT;\nwrites 512 bytes "
		"to a character device.",
	.columns = latency_columns,
	.options = "eabrtsDuv",
	.run = run_latency,
};

const struct command spin_command = {
	.name = "spin",
	.arguments = "[OPTION...] [FILE...]",
	.about = "the same, by how long a wait of libkaio's spins",
	.details = "As latency, by pread(2) and by libkaio with several values "
		   "of spin_ns.",
	.columns = latency_columns,
	.options = "brtsDuv",
	.run = run_spin,
};
