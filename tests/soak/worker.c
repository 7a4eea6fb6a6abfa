/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* A thread that starts operations and transfers, and collects. */
#include "soak.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#define MAX 16
#define TIMEOUT_NS 10000000
#define END_SECONDS 60 /* what is outstanding after this is lost */

int soak_stop;

int64_t soak_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

void worker_init(struct worker *worker, unsigned number)
{
	unsigned first = number * WORKER_BLOCKS;
	unsigned i;

	for (i = 0; i < JOBS; i++) {
		job_init(&worker->jobs[i], worker, i % 2, first);
		first += JOB_BLOCKS;
	}
	for (i = 0; i < BATCHES; i++) {
		batch_init(&worker->batches[i], worker, i % 2, first);
		first += BATCH_BLOCKS;
	}
}

static int collect(struct worker *worker, struct kaio_event *events)
{
	struct kaio_queue *queue = worker->queue;
	struct pollfd readable = { -1, POLLIN, 0 };

	switch (worker->way) {
	case BY_WAIT:
		return kaio_queue_wait(queue, events, 1 + soak_random(4), MAX,
				       TIMEOUT_NS);
	case BY_EVENTFD:
		kaio_queue_submit(queue);
		readable.fd = kaio_queue_eventfd(queue);
		poll(&readable, 1, TIMEOUT_NS / 1000000);
		return kaio_queue_reap(queue, events, MAX);
	case BY_REAP:
		return kaio_queue_reap(queue, events, MAX);
	default:
		return kaio_queue_run(queue, 1 + soak_random(4), TIMEOUT_NS);
	}
}

static void collect_once(struct worker *worker)
{
	struct kaio_event events[MAX];
	int nr = collect(worker, events);
	int i;

	if (nr < 0 && nr != -EINTR)
		soak_wrong("collecting by way %u: %d", worker->way, nr);
	for (i = 0; worker->way != BY_RUN && i < nr; i++) {
		struct kaio_op *op = (void *)kaio_event_iocb(&events[i]);

		op->complete(op, events[i].res);
	}
}

static void go_on(struct worker *worker)
{
	unsigned i;

	for (i = 0; i < JOBS; i++)
		job_end_poll(&worker->jobs[i]);
	for (i = 0; i < BATCHES; i++)
		batch_go_on(&worker->batches[i]);
	collect_once(worker);
}

static void start(struct worker *worker)
{
	unsigned i;

	for (i = 0; i < JOBS; i++)
		if (job_is_idle(&worker->jobs[i]) && soak_random(4))
			job_start(&worker->jobs[i]);
	for (i = 0; i < BATCHES; i++)
		if (batch_is_idle(&worker->batches[i]) && !soak_random(4))
			batch_start(&worker->batches[i]);
	if (worker->shared)
		kaio_queue_submit(worker->queue);
}

static unsigned outstanding(struct worker *worker)
{
	unsigned nr = 0;
	unsigned i;

	for (i = 0; i < JOBS; i++)
		nr += !job_is_idle(&worker->jobs[i]);
	for (i = 0; i < BATCHES; i++)
		nr += !batch_is_idle(&worker->batches[i]);
	return nr;
}

/* Also completions of transfers that were released. */
static bool has_all(const struct worker *worker)
{
	struct kaio_queue_stats stats;

	kaio_queue_stats(worker->queue, &stats);
	return stats.pushed == stats.completed;
}

void worker_drain(struct worker *worker)
{
	int64_t end = soak_now() + END_SECONDS;
	unsigned i;
	int ret;

	do {
		for (i = 0; i < JOBS; i++)
			job_end_poll(&worker->jobs[i]);
		ret = kaio_queue_drain(worker->queue, TIMEOUT_NS);
	} while ((ret == -ETIMEDOUT || ret == -EINTR) && soak_now() < end);
	if (ret < 0)
		soak_wrong("kaio_queue_drain: %d", ret);
}

void *worker_run(void *argument)
{
	struct worker *worker = argument;
	int64_t end;
	unsigned left;

	soak_seed((uintptr_t)worker);
	while (!__atomic_load_n(&soak_stop, __ATOMIC_ACQUIRE)) {
		start(worker);
		go_on(worker);
	}
	end = soak_now() + END_SECONDS;
	while (((left = outstanding(worker)) > 0 || !has_all(worker)) &&
	       soak_now() < end)
		go_on(worker);
	if (left) {
		soak_wrong("%u are outstanding, by way %u", left, worker->way);
		__atomic_add_fetch(&soak_counts.lost, left, __ATOMIC_RELAXED);
	}
	return NULL;
}
