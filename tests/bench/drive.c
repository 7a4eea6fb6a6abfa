/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The loop that all engines are driven by: depth operations in flight; a batch
 * is collected, given new offsets, and submitted, again and again. The offsets
 * of all turns are the same, and so are the buffers.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NR_OFFSETS 65536
/* How many batches go between two looks at the clock. */
#define STRIDE 32

struct drive {
	struct job job;
	struct op *ops;
	struct op **order; /* of each lane */
	char *buffers;
	int64_t *offsets;
	unsigned next;	  /* of the offsets */
	struct turn turn; /* under way */
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
	uint64_t align = job->target->seeks ? 4096 : 1;
	uint64_t space = (job->block + align - 1) / align * align;
	size_t nr, i;

	drive->job = *job;
	if (!drive->job.contexts)
		drive->job.contexts = 1;
	nr = (size_t)job->depth * drive->job.contexts;
	drive->ops = must_have(calloc(nr, sizeof(*drive->ops)));
	drive->order = must_have(calloc(nr, sizeof(*drive->order)));
	drive->buffers = must_have(
		aligned_alloc(4096, (space * nr + 4095) / 4096 * 4096));
	for (i = 0; i < nr; i++) {
		struct op *op = &drive->ops[i];

		op->index = (unsigned)(i % job->depth);
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

/* One context of the engine, and the operations that it does. */
struct lane {
	const struct engine *engine;
	void *state;
	struct drive *drive;
	struct op *ops;
	struct op **order; /* to push; and then those collected last */
};

static void failed(const struct lane *lane, int ret)
{
	die("%s: %s: %s", lane->drive->job.target->path, lane->engine->name,
	    strerror(-ret));
}

static void push(struct lane *lane, struct op **ops, unsigned nr)
{
	struct drive *drive = lane->drive;
	unsigned i;

	for (i = 0; i < nr; i++) {
		ops[i]->res = -EINPROGRESS;
		ops[i]->offset = drive->offsets[drive->next++ % NR_OFFSETS];
		if (drive->job.verify && !drive->job.target->writes)
			pattern_spoil(ops[i]->buffer, ops[i]->length);
	}
	lane->engine->prepare(lane->state, ops, nr);
	lane->engine->push(lane->state, ops, nr);
}

static unsigned collect(struct lane *lane)
{
	const struct job *job = &lane->drive->job;
	struct turn *turn = &lane->drive->turn;
	struct op **done = lane->order;
	int ret = lane->engine->wait(lane->state, done, job->batch, job->batch);
	int i;

	if (ret < 0)
		failed(lane, ret);
	for (i = 0; i < ret; i++) {
		if ((uint64_t)done[i]->res != job->block || job->verify)
			check_results(lane->engine, job->target, done + i, 1,
				      job->verify);
		turn->bytes += (uint64_t)done[i]->res;
	}
	turn->ops += (unsigned)ret;
	return (unsigned)ret;
}

static void fill(struct lane *lane)
{
	const struct job *job = &lane->drive->job;
	unsigned i;

	for (i = 0; i < job->depth; i++)
		lane->order[i] = &lane->ops[i];
	for (i = 0; i < job->depth; i += job->batch) {
		int ret;

		push(lane, lane->order + i, job->batch);
		ret = lane->engine->submit(lane->state);
		if (ret < 0)
			failed(lane, ret);
	}
}

static void empty(struct lane *lane)
{
	unsigned left = lane->drive->job.depth;

	while (left)
		left -= collect(lane);
}

static void keep_going(struct drive *drive, struct lane *lanes, int64_t end)
{
	const unsigned nr = drive->job.contexts;
	unsigned i, at = 0;

	for (i = 0; i < nr; i++)
		fill(&lanes[i]);
	do
		for (i = 0; i < STRIDE; i++) {
			struct lane *lane = &lanes[at];

			push(lane, lane->order, collect(lane));
			if (++at == nr)
				at = 0;
		}
	while (now_ns() < end);
	for (i = 0; i < nr; i++)
		empty(&lanes[i]);
}

static void one_by_one(struct drive *drive, struct lane *lane, int64_t end)
{
	int64_t after = now_ns();
	int64_t before;
	uint64_t nr;

	do {
		before = after;
		push(lane, lane->order, 1);
		collect(lane);
		after = now_ns();
		nr = drive->turn.ops;
		drive->job.latencies[nr - 1] = (double)(after - before) / 1e3;
	} while (after < end && nr < drive->job.nr_latencies);
}

/* Not timed, and always verified where that can be. */
static void warm_up(struct drive *drive, struct lane *lanes)
{
	const bool verify = drive->job.verify;
	unsigned i;

	drive->next = 0;
	drive->job.verify = true;
	for (i = 0; i < drive->job.contexts; i++) {
		fill(&lanes[i]);
		empty(&lanes[i]);
	}
	drive->job.verify = verify;
	drive->turn = (struct turn){ 0 };
}

static void open_lanes(struct drive *drive, const struct engine *engine,
		       struct lane *lanes)
{
	const struct job *job = &drive->job;
	unsigned i;

	for (i = 0; i < job->contexts; i++) {
		const struct setup setup = {
			.engine = engine,
			.nr_ops = job->depth,
			.depth = job->depth,
			.writes = job->target->writes,
		};
		struct lane *lane = &lanes[i];

		lane->engine = engine;
		lane->state = engine_open(engine, &setup);
		lane->drive = drive;
		lane->ops = drive->ops + i * job->depth;
		lane->order = drive->order + i * job->depth;
	}
}

/*
 * What was before may have left work to threads of the kernel: after io_uring
 * had a block device, others are slower for more than 5 ms.
 */
static void settle(void)
{
	const struct timespec pause = { 0, 40000000 };

	nanosleep(&pause, NULL);
}

struct turn drive_turn(struct drive *drive, const struct engine *engine,
		       int64_t turn_ns)
{
	const struct target *target = drive->job.target;
	struct lane *lanes =
		must_have(calloc(drive->job.contexts, sizeof(*lanes)));
	struct turn *turn = &drive->turn;
	int64_t start, cpu;
	uint64_t moved;
	unsigned i;

	settle();
	open_lanes(drive, engine, lanes);
	warm_up(drive, lanes);
	moved = kernel_bytes(target->writes);
	start = now_ns();
	cpu = cpu_ns();
	if (drive->job.latencies)
		one_by_one(drive, lanes, start + turn_ns);
	else
		keep_going(drive, lanes, start + turn_ns);
	turn->cpu_ns = cpu_ns() - cpu;
	turn->wall_ns = now_ns() - start;
	moved = kernel_bytes(target->writes) - moved;
	check_kernel(engine, target, turn->bytes, moved);
	for (i = 0; i < drive->job.contexts; i++)
		engine->close(lanes[i].state);
	free(lanes);
	return *turn;
}
