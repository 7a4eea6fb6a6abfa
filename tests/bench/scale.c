/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What an operation costs by how many there are: in flight, files, contexts. */
#include "bench.h"

#include <kaio/probe.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES_MAX 1000

static const struct column scale_columns[] = {
	{ "Of", "what there are N of: depth, files or contexts", 8, -1 },
	{ "N", "how many", 6, 0 },
	{ "Engine", "who does the operations", 12, -1 },
	{ "ns/op",
	  "nanoseconds of processor time for one, median of the rounds", 8, 0 },
	{ "Growth",
	  "to what it was with the reference's N in the same round, "
	  "median: 64 for depth, 1 for others",
	  6, 3 },
	{ "Ratio", "of the baseline's cost with the same N to this one, median",
	  6, 3 },
	{ "Operations", "that the kernel completed, in all rounds", 10, 0 },
	{ 0 },
};

/* Batches are the same in all of a dimension but where the depth is less. */
static const struct dimension {
	const char *name;
	unsigned reference;
	unsigned steps[8]; /* ends with 0 */
	unsigned depth, batch;
} dimensions[] = {
	{ "depth", 64, { 1, 64, 256, 1024, 4096, 16384, 65536 }, 0, 32 },
	{ "files", 1, { 1, 10, 100, 1000 }, 32, 8 },
	{ "contexts", 1, { 1, 4, 16, 64 }, 32, 8 },
};

struct results {
	double ns[8][ENGINES_MAX][ROUNDS_MAX];
	uint64_t ops[8][ENGINES_MAX];
};

static int fds[FILES_MAX];

/* The same file many times: to the kernel and the library they are many. */
static void open_files(const char *path, const struct target *target,
		       const struct options *options)
{
	struct rlimit limit;
	int flags = target->writes ? O_WRONLY : O_RDONLY;
	unsigned i;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (target->seeks && !options->buffered)
		flags |= O_DIRECT;
	for (i = 0; i < FILES_MAX; i++) {
		fds[i] = open(path, flags | O_CLOEXEC);
		if (fds[i] < 0)
			die("%s: %u files are needed: %s", path, FILES_MAX,
			    strerror(errno));
	}
}

static struct job job_of(const struct dimension *dimension, unsigned n,
			 const struct target *target, uint64_t block)
{
	struct job job = {
		.target = target,
		.depth = dimension->depth,
		.batch = dimension->batch,
		.block = block,
	};

	if (dimension == &dimensions[0])
		job.depth = n;
	if (job.batch > job.depth)
		job.batch = job.depth;
	if (dimension == &dimensions[1]) {
		job.fds = fds;
		job.nr_fds = n;
		/* Each of them has operations in flight. */
		if (job.depth < n)
			job.depth = (n + job.batch - 1) / job.batch * job.batch;
	}
	if (dimension == &dimensions[2])
		job.contexts = n;
	return job;
}

/* fs.aio-max-nr is everybody's: what does not fit is left out. */
static bool fits(const struct options *options, const struct job *job,
		 const char *name, unsigned n)
{
	uint64_t wanted =
		(uint64_t)job->depth * (job->contexts ? job->contexts : 1);
	struct kaio_limits limits;
	unsigned e;

	for (e = 0; e < options->nr_engines; e++)
		if (options->engines[e]->is_aio)
			break;
	if (e == options->nr_engines || kaio_get_limits(&limits) < 0 ||
	    limits.aio_nr + wanted <= limits.aio_max_nr)
		return true;
	note("%u of %s are left out: not enough quota, fs.aio-nr is %llu and "
	     "fs.aio-max-nr %llu",
	     n, name, (unsigned long long)limits.aio_nr,
	     (unsigned long long)limits.aio_max_nr);
	return false;
}

static void print_rows(const struct options *options,
		       const struct dimension *dimension, unsigned nr,
		       struct results *results)
{
	const unsigned rounds = options->rounds;
	unsigned base = options_baseline(options);
	double growth[8][ENGINES_MAX], ratios[8][ENGINES_MAX];
	unsigned step, e, reference = 0;

	for (step = 0; step < nr; step++)
		if (dimension->steps[step] == dimension->reference)
			reference = step;
	for (step = 0; step < nr; step++)
		for (e = 0; e < options->nr_engines; e++) {
			double *ns = results->ns[step][e];

			growth[step][e] =
				ratio(ns, results->ns[reference][e], rounds)
					.median;
			ratios[step][e] =
				ratio(results->ns[step][base], ns, rounds)
					.median;
		}
	for (step = 0; step < nr; step++) {
		table_gap();
		for (e = 0; e < options->nr_engines; e++) {
			table_text(dimension->name);
			table_number(dimension->steps[step]);
			table_text(options->engines[e]->name);
			table_number(median(results->ns[step][e], rounds));
			table_number(growth[step][e]);
			table_number(ratios[step][e]);
			table_number((double)results->ops[step][e]);
		}
	}
}

static void measure(const struct options *options,
		    const struct dimension *dimension,
		    const struct target *target, uint64_t block)
{
	static struct results results;
	struct drive *drives[8];
	unsigned nr = 0;
	unsigned round, step, i;

	results = (struct results){ 0 };
	for (; dimension->steps[nr]; nr++) {
		struct job job =
			job_of(dimension, dimension->steps[nr], target, block);

		if (!fits(options, &job, dimension->name, dimension->steps[nr]))
			break;
		drives[nr] = drive_new(&job);
	}
	for (round = 0; round < options->rounds; round++)
		for (step = 0; step < nr; step++)
			for (i = 0; i < options->nr_engines; i++) {
				unsigned e = options_turn(options, round, i);
				struct turn turn;

				progress("%s %u, round %u of %u, %s",
					 dimension->name,
					 dimension->steps[step], round + 1,
					 options->rounds,
					 options->engines[e]->name);
				turn = drive_turn(drives[step],
						  options->engines[e],
						  options->turn_ns);
				results.ns[step][e][round] =
					(double)turn.cpu_ns / (double)turn.ops;
				results.ops[step][e] += turn.ops;
			}
	print_rows(options, dimension, nr, &results);
	while (nr)
		drive_free(drives[--nr]);
}

static void run(struct options *options)
{
	const char *path = *options->targets ? *options->targets : "/dev/null";
	static const struct engine *const by_default[] = {
#ifdef LIBAIO_PATH
		&libaio_engine,
#endif
		&raw_engine, &kaio_engine
	};
	uint64_t block =
		options->block ? options->block : target_default_block(path);
	struct target target;
	char title[512];
	size_t i;

	if (!options->nr_engines)
		for (i = 0; i < sizeof(by_default) / sizeof(*by_default); i++)
			options->engines[options->nr_engines++] = by_default[i];
	if (!options->rounds)
		options->rounds = 9;
	if (options->turn_ns < 0)
		options->turn_ns = 10000000;
	options_need_engines(options, "libaio");
	report_begin("scale");
	engines_try(options, 1);
	target = target_open(path, options, block, block);
	open_files(path, &target, options);
	target_title(title, sizeof(title), "scale", &target, options, block);
	table_begin(title, scale_columns);
	for (i = 0; i < sizeof(dimensions) / sizeof(*dimensions); i++)
		measure(options, &dimensions[i], &target, block);
	table_end();
	target_close(&target);
	report_end();
}

const struct command scale_command = {
	.name = "scale",
	.arguments = "[OPTION...] [FILE]",
	.about = "cost by operations in flight, files and contexts",
	.details =
		"What an operation on FILE (/dev/null) costs with 1 to "
		"65536 of them in flight, with\nup to 1000 descriptors of it "
		"and up to 64 contexts. A context is given 32 in\nflight and "
		"batches of 8, which the other two dimensions have, too, but "
		"for\nbatches of 32 where the depth is what grows.",
	.columns = scale_columns,
	.options = "eabrtu",
	.run = run,
};
