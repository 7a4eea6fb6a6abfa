/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The storage plugin's table: requests of many operations, posted again. */
#include "request.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN 4096
#define BLOCK_MAX (UINT64_C(64) << 20)
#define SIZES_MAX 32
#define BATCH 16
/* Of operations together: batches of large blocks are cut to that. */
#define REQUEST_MAX (UINT64_C(64) << 20)

static const struct column transfer_columns[] = {
	{ "Engine", "who does the operations", 12, -1 },
	{ "Block Size (B)", "bytes of one operation", 14, 0 },
	{ "Batch Size", "operations of one request; at most 64 MiB", 10, 0 },
	{ "B/W (GB/Sec)",
	  "10^9 bytes a second: all bytes by the time of all "
	  "posts, each until its end",
	  12, 3 },
	{ "Avg Lat. (us)",
	  "mean: that time by operations; Avg Post and Avg Tx by batch", 13,
	  2 },
	{ "Avg Prep (us)",
	  "mean of the rounds: to prepare a request, which is done once", 13,
	  2 },
	{ "P99 Prep (us)",
	  "the 99th percentile, of as many as there are "
	  "rounds",
	  13, 2 },
	{ "Avg Post (us)", "mean of all posts: the call that posts a request",
	  13, 2 },
	{ "P99 Post (us)", "the 99th percentile of all posts", 13, 2 },
	{ "Avg Tx (us)",
	  "mean of all posts: from its return until all of it is done", 11, 2 },
	{ "P99 Tx (us)", "the 99th percentile of all posts", 11, 2 },
	{ 0 },
};

static const struct column count_columns[] = {
	{ "Block Size (B)", "bytes of one operation", 14, 0 },
	{ "Engine", "who does the operations", 12, -1 },
	{ "Ratio", "of bandwidth, to the baseline's in the same round, median",
	  6, 3 },
	{ "Low", "the lower quartile of these ratios", 6, 3 },
	{ "High", "the upper quartile", 6, 3 },
	{ "Operations", "that the kernel completed, in all rounds", 10, 0 },
	{ "Bytes", "that they moved", 14, 0 },
	{ "Kernel's", "bytes by the kernel's own count of this process's I/O",
	  14, 0 },
	{ "Set-up (us)",
	  "to open the engine, median; not part of the bandwidth", 11, 0 },
	{ "Tear-down (us)", "to close it, likewise", 14, 0 },
	{ 0 },
};

struct times {
	double *values; /* microseconds */
	size_t nr, room;
};

/* Of one engine with one block size. */
struct result {
	double bandwidth[ROUNDS_MAX]; /* for the ratios, round by round */
	double wall;		      /* nanoseconds, of all rounds */
	struct times prep, post, tx, setup, teardown;
	uint64_t ops, bytes, kernel_bytes;
};

struct shape {
	uint64_t block;
	unsigned batch;
	unsigned depth;
};

static void keep(struct times *times, double ns)
{
	if (times->nr == times->room) {
		times->room = times->room ? 2 * times->room : 64;
		times->values = must_have(
			realloc(times->values, times->room * sizeof(double)));
	}
	times->values[times->nr++] = ns / 1e3;
}

static double average(const struct times *times)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < times->nr; i++)
		sum += times->values[i];
	return sum / (double)times->nr;
}

/* Microseconds since then, and then is now. */
static double lap(int64_t *then)
{
	int64_t before = *then;

	*then = now_ns();
	return (double)(*then - before);
}

/* One post, and how long it took; what it did is looked at afterwards. */
static double iterate(struct request *request, bool verify,
		      struct result *result)
{
	double post, tx;
	int64_t clock;
	unsigned i;

	for (i = 0; i < request->nr; i++) {
		request->ops[i]->res = -EINPROGRESS;
		if (verify && !request->target->writes)
			pattern_spoil(request->ops[i]->buffer,
				      request->ops[i]->length);
	}
	clock = now_ns();
	request_post(request);
	post = lap(&clock);
	request_finish(request);
	tx = lap(&clock);
	check_results(request->engine, request->target, request->ops,
		      request->nr, verify);
	if (result) {
		keep(&result->post, post);
		keep(&result->tx, tx);
	}
	return post + tx;
}

static void take_turn(struct request *request, const struct options *options,
		      unsigned round, struct result *result)
{
	const double block = (double)request->ops[0]->length;
	uint64_t moved;
	uint64_t ops = 0;
	double wall = 0;
	int64_t clock = now_ns();

	request_open(request);
	keep(&result->setup, lap(&clock));
	request_prepare(request);
	keep(&result->prep, lap(&clock));
	iterate(request, true, NULL);
	moved = kernel_bytes(request->target->writes);
	do {
		wall += iterate(request, options->verify, result);
		ops += request->nr;
	} while (wall < (double)options->turn_ns);
	moved = kernel_bytes(request->target->writes) - moved;
	check_kernel(request->engine, request->target,
		     ops * request->ops[0]->length, moved);
	clock = now_ns();
	request_close(request);
	keep(&result->teardown, lap(&clock));
	result->bandwidth[round] = (double)ops * block / wall;
	result->wall += wall;
	result->ops += ops;
	result->bytes += ops * request->ops[0]->length;
	result->kernel_bytes += moved;
}

static void measure(const struct options *options, const struct target *target,
		    const struct shape *shape, struct result *results)
{
	struct op *ops = must_have(calloc(shape->batch, sizeof(*ops)));
	struct op **order = must_have(calloc(shape->batch, sizeof(*order)));
	uint64_t space = (shape->block + 4095) / 4096 * 4096;
	char *buffers = must_have(aligned_alloc(4096, space * shape->batch));
	unsigned i, round;

	for (i = 0; i < shape->batch; i++) {
		order[i] = &ops[i];
		ops[i].index = i;
		ops[i].fd = target->fd;
		ops[i].buffer = buffers + i * space;
		ops[i].length = shape->block;
		ops[i].offset = (int64_t)(i * shape->block);
		pattern_put(ops[i].buffer, shape->block, ops[i].offset);
	}
	for (round = 0; round < options->rounds; round++)
		for (i = 0; i < options->nr_engines; i++) {
			unsigned e = options_turn(options, round, i);
			struct request request = {
				.engine = options->engines[e],
				.target = target,
				.ops = order,
				.nr = shape->batch,
				.depth = shape->depth,
			};

			progress("blocks of %llu, round %u of %u, %s",
				 (unsigned long long)shape->block, round + 1,
				 options->rounds, options->engines[e]->name);
			take_turn(&request, options, round, &results[e]);
		}
	free(buffers);
	free(order);
	free(ops);
}

static void print_row(const struct shape *shape, struct result *r)
{
	table_number((double)shape->block);
	table_number(shape->batch);
	table_number((double)r->bytes / r->wall);
	table_number(r->wall / 1e3 / (double)r->ops);
	table_number(average(&r->prep));
	table_number(percentile(r->prep.values, r->prep.nr, 99));
	table_number(average(&r->post));
	table_number(percentile(r->post.values, r->post.nr, 99));
	table_number(average(&r->tx));
	table_number(percentile(r->tx.values, r->tx.nr, 99));
}

static void print_counts(const struct target *target, const struct result *r,
			 const struct ratio *by)
{
	table_number(by->median);
	table_number(by->low);
	table_number(by->high);
	table_number((double)r->ops);
	table_number((double)r->bytes);
	table_number(target->counted ? (double)r->kernel_bytes : NAN);
	table_number(median(r->setup.values, (unsigned)r->setup.nr));
	table_number(median(r->teardown.values, (unsigned)r->teardown.nr));
}

/* The ratios first, for they go by rounds, which a median sorts. */
static void print(const struct options *options, const struct target *target,
		  const struct shape *shapes, unsigned nr,
		  struct result (*results)[ENGINES_MAX])
{
	struct ratio ratios[SIZES_MAX][ENGINES_MAX];
	unsigned base = options_baseline(options);
	char title[512];
	unsigned i, e;

	for (i = 0; i < nr; i++)
		for (e = 0; e < options->nr_engines; e++)
			ratios[i][e] = ratio(results[i][e].bandwidth,
					     results[i][base].bandwidth,
					     options->rounds);
	target_title(title, sizeof(title), "transfer", target, options, 0);
	table_begin(title, transfer_columns);
	for (e = 0; e < options->nr_engines; e++) {
		table_gap();
		for (i = 0; i < nr; i++) {
			table_text(options->engines[e]->name);
			print_row(&shapes[i], &results[i][e]);
		}
	}
	table_end();
	table_begin("ratios, and what was done", count_columns);
	for (i = 0; i < nr; i++) {
		table_gap();
		for (e = 0; e < options->nr_engines; e++) {
			table_number((double)shapes[i].block);
			table_text(options->engines[e]->name);
			print_counts(target, &results[i][e], &ratios[i][e]);
		}
	}
	table_end();
}

static void free_results(struct result *results)
{
	unsigned e;

	for (e = 0; e < ENGINES_MAX; e++) {
		free(results[e].prep.values);
		free(results[e].post.values);
		free(results[e].tx.values);
		free(results[e].setup.values);
		free(results[e].teardown.values);
	}
}

static unsigned make_shapes(const struct options *options, struct shape *shapes)
{
	uint64_t block = options->block ? options->block : BLOCK_MIN;
	uint64_t last = options->block_max ? options->block_max : BLOCK_MAX;
	unsigned nr = 0;

	for (; block <= last && nr < SIZES_MAX; block *= 2) {
		struct shape *shape = &shapes[nr++];
		uint64_t most = REQUEST_MAX / block;

		shape->block = block;
		shape->batch = options->batch ? options->batch : BATCH;
		if (!options->batch && shape->batch > most)
			shape->batch = most ? (unsigned)most : 1;
		shape->depth = options->depth ? options->depth : 128;
		if (shape->depth > shape->batch)
			shape->depth = shape->batch;
	}
	if (!nr)
		usage_error("--block %llu: above the largest, --block-max %llu",
			    (unsigned long long)block,
			    (unsigned long long)last);
	return nr;
}

static void run(struct options *options)
{
	static struct result results[SIZES_MAX][ENGINES_MAX];
	struct shape shapes[SIZES_MAX];
	unsigned nr = make_shapes(options, shapes);
	const char *path = *options->targets;
	uint64_t least = 0;
	unsigned depth = 1;
	struct target target;
	unsigned i;

	for (i = 0; i < nr; i++) {
		if (shapes[i].block * shapes[i].batch > least)
			least = shapes[i].block * shapes[i].batch;
		if (shapes[i].depth > depth)
			depth = shapes[i].depth;
	}
	if (!options->rounds)
		options->rounds = 9;
	if (options->turn_ns < 0)
		options->turn_ns = 20000000;
	options_need_engines(options, "libaio");
	report_begin("transfer");
	engines_try(options, depth);
	if (!path)
		path = target_make(options->directory,
				   options->size ? options->size : least);
	target = target_open(path, options, least, shapes[0].block);
	for (i = 0; i < nr; i++)
		measure(options, &target, &shapes[i], results[i]);
	print(options, &target, shapes, nr, results);
	for (i = 0; i < nr; i++)
		free_results(results[i]);
	target_close(&target);
	report_end();
}

const struct command transfer_command = {
	.name = "transfer",
	.arguments = "[OPTION...] [FILE]",
	.about = "requests of many operations, by block size",
	.details = "Reads --batch blocks, one behind the other, from the start "
		   "of FILE (a file made for\nit) as one request, which is "
		   "prepared once and then posted and waited for again and\n"
		   "again; by block sizes from 4 KiB to 64 MiB. The published "
		   "table of the storage plugin\nhas one operation a request: "
		   "--batch 1. Ratios, operations, and the time that opening\n"
		   "and closing takes are in a table of their own, not in CSV.",
	.columns = transfer_columns,
	.more_columns = count_columns,
	.options = "eabBndrtsDwuv",
	.run = run,
};
