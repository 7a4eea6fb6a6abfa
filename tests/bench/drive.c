/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The loop that all engines are driven by: depth operations in flight; a batch
 * is collected, given new offsets, and submitted, again and again. The offsets
 * of all turns are the same, and so are the buffers.
 */
#include "bench.h"

#include <kaio.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NR_OFFSETS 65536
/* How many batches go between two looks at the clock. */
#define STRIDE 32

struct drive {
	struct job job;
	struct op *ops;
	struct op **order; /* the operations, by the order they are pushed in */
	char *buffers;
	int64_t *offsets;
	unsigned next;
};

static void make_offsets(struct drive *drive)
{
	const struct target *target = drive->job.target;
	uint64_t blocks = target->seeks ? target->size / drive->job.block : 1;
	uint64_t random = 1;
	size_t i;

	drive->offsets = must_have(calloc(NR_OFFSETS, sizeof(int64_t)));
	for (i = 0; i < NR_OFFSETS; i++) {
		/* Knuth's generator; its upper bits are the good ones. */
		random = random * UINT64_C(6364136223846793005) + 1;
		drive->offsets[i] =
			(int64_t)((random >> 24) % blocks * drive->job.block);
	}
}

struct drive *drive_new(const struct job *job)
{
	struct drive *drive = must_have(calloc(1, sizeof(*drive)));
	uint64_t space = (job->block + 4095) & ~UINT64_C(4095);
	unsigned i;

	drive->job = *job;
	drive->ops = must_have(calloc(job->depth, sizeof(*drive->ops)));
	drive->order = must_have(calloc(job->depth, sizeof(*drive->order)));
	drive->buffers = must_have(aligned_alloc(4096, space * job->depth));
	for (i = 0; i < job->depth; i++) {
		struct op *op = &drive->ops[i];

		op->index = i;
		op->fd = job->nr_fds ? job->fds[i % job->nr_fds]
				     : job->target->fd;
		op->buffer = drive->buffers + i * space;
		op->length = job->block;
		pattern_put(op->buffer, job->block, 0);
	}
	make_offsets(drive);
	return drive;
}

void drive_free(struct drive *drive)
{
	free(drive->ops);
	free(drive->order);
	free(drive->buffers);
	free(drive->offsets);
	free(drive);
}

static void cannot_open(const struct engine *engine, int ret)
{
	const char *why = engine->request
				  ? kaio_explain(KAIO_CALL_QUEUE_CREATE, ret)
			  : engine->is_aio ? kaio_explain(KAIO_CALL_SETUP, ret)
					   : strerror(-ret);

	if (engine->is_aio && ret == -EAGAIN) {
		struct kaio_limits limits = { 0 };

		kaio_limits(&limits);
		die("%s: not enough quota: fs.aio-nr is %" PRIu64
		    " and fs.aio-max-nr %" PRIu64
		    "; take a smaller depth, or sysctl fs.aio-max-nr",
		    engine->name, limits.aio_nr, limits.aio_max_nr);
	}
	die("%s: cannot be opened: %s", engine->name, why);
}

void *engine_open(const struct engine *engine, const struct setup *setup)
{
	void *state;
	int ret = engine->open(&state, setup);

	if (ret < 0)
		cannot_open(engine, ret);
	return state;
}

void engines_try(struct options *options)
{
	unsigned kept = 0;
	unsigned i;

	for (i = 0; i < options->nr_engines; i++) {
		const struct engine *engine = options->engines[i];
		struct op op = { 0 };
		const struct setup setup = {
			.engine = engine, .ops = &op, .nr_ops = 1, .depth = 1
		};
		void *state;
		int ret = engine->open(&state, &setup);

		if (ret < 0 && (ret == -EAGAIN || engine == options->against))
			cannot_open(engine, ret);
		if (ret < 0) {
			note("%s is left out: %s", engine->name,
			     strerror(-ret));
			continue;
		}
		engine->close(state);
		options->engines[kept++] = engine;
	}
	options->nr_engines = kept;
}

void check_results(const struct engine *engine, const struct target *target,
		   struct op *const *ops, unsigned nr, bool verify)
{
	unsigned i;

	for (i = 0; i < nr; i++) {
		const struct op *op = ops[i];

		if (op->res < 0)
			die("%s: %s: offset %" PRId64 ": %s", target->path,
			    engine->name, op->offset,
			    op->res == -EINPROGRESS
				    ? "said to be done, and nothing was"
				    : strerror((int)-op->res));
		if ((uint64_t)op->res != op->length)
			die("%s: %s: offset %" PRId64 ": %" PRId64
			    " bytes instead of %zu: no rate for I/O that did "
			    "not happen",
			    target->path, engine->name, op->offset, op->res,
			    op->length);
		if (verify && !target->writes && target->patterned &&
		    !pattern_is(op->buffer, op->length, op->offset))
			die("%s: %s: offset %" PRId64
			    ": the data is not what the file holds",
			    target->path, engine->name, op->offset);
	}
}

void check_kernel(const struct engine *engine, const struct target *target,
		  uint64_t bytes, uint64_t before)
{
	uint64_t moved = kernel_bytes(target->writes) - before;

	if (target->counted && moved < bytes)
		die("%s: %s says that it moved %" PRIu64
		    " bytes, and the kernel counts %" PRIu64
		    ": no rate for I/O that did not happen",
		    target->path, engine->name, bytes, moved);
}

/* A turn under way. */
struct going {
	const struct engine *engine;
	void *state;
	struct drive *drive;
	struct turn turn;
};

static void push(struct going *going, struct op **ops, unsigned nr)
{
	struct drive *drive = going->drive;
	const bool verify = drive->job.verify;
	unsigned i;

	for (i = 0; i < nr; i++) {
		ops[i]->res = -EINPROGRESS;
		ops[i]->offset = drive->offsets[drive->next++ % NR_OFFSETS];
		if (verify && going->drive->job.target->writes)
			pattern_put(ops[i]->buffer, ops[i]->length,
				    ops[i]->offset);
		else if (verify)
			pattern_spoil(ops[i]->buffer, ops[i]->length);
	}
	going->engine->prepare(going->state, ops, nr);
	going->engine->push(going->state, ops, nr);
}

static unsigned collect(struct going *going, struct op **done)
{
	const struct job *job = &going->drive->job;
	int ret =
		going->engine->wait(going->state, done, job->batch, job->batch);
	int i;

	if (ret < 0)
		die("%s: %s: %s", job->target->path, going->engine->name,
		    strerror(-ret));
	for (i = 0; i < ret; i++) {
		if ((uint64_t)done[i]->res != job->block || job->verify)
			check_results(going->engine, job->target, done + i, 1,
				      job->verify);
		going->turn.bytes += job->block;
	}
	going->turn.ops += (unsigned)ret;
	return (unsigned)ret;
}

static void begin(struct going *going)
{
	struct drive *drive = going->drive;
	unsigned i;

	for (i = 0; i < drive->job.depth; i++)
		drive->order[i] = &drive->ops[i];
	for (i = 0; i < drive->job.depth; i += drive->job.batch) {
		int ret;

		push(going, drive->order + i, drive->job.batch);
		ret = going->engine->submit(going->state);
		if (ret < 0)
			die("%s: %s: %s", drive->job.target->path,
			    going->engine->name, strerror(-ret));
	}
}

static void go_round(struct going *going, int64_t turn_ns)
{
	struct op **done = going->drive->order;
	int64_t start = now_ns();
	int64_t cpu = cpu_ns();
	uint64_t left;
	unsigned i;

	begin(going);
	do
		for (i = 0; i < STRIDE; i++)
			push(going, done, collect(going, done));
	while (now_ns() - start < turn_ns);
	for (left = going->drive->job.depth; left;)
		left -= collect(going, done);
	going->turn.cpu_ns = cpu_ns() - cpu;
	going->turn.wall_ns = now_ns() - start;
}

/* Not timed, and always verified where that can be. */
static void warm_up(struct going *going)
{
	const bool verify = going->drive->job.verify;
	unsigned left = going->drive->job.depth;

	going->drive->job.verify = true;
	begin(going);
	while (left)
		left -= collect(going, going->drive->order);
	going->drive->job.verify = verify;
	going->turn = (struct turn){ 0 };
}

struct turn drive_turn(struct drive *drive, const struct engine *engine,
		       int64_t turn_ns)
{
	const struct setup setup = {
		.engine = engine,
		.ops = drive->ops,
		.nr_ops = drive->job.depth,
		.depth = drive->job.depth,
		.writes = drive->job.target->writes,
	};
	struct going going = {
		.engine = engine,
		.state = engine_open(engine, &setup),
		.drive = drive,
	};
	uint64_t before;

	drive->next = 0;
	warm_up(&going);
	before = kernel_bytes(setup.writes);
	go_round(&going, turn_ns);
	check_kernel(engine, drive->job.target, going.turn.bytes, before);
	engine->close(going.state);
	return going.turn;
}
