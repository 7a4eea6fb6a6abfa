/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The workloads on a queue of one thread. */
#include "check.h"
#include "drive.h"
#include "ledger.h"
#include "seam.h"
#include "workloads.h"

#include <poll.h>

static void push(struct kaio_queue *queue, unsigned nr)
{
	while (nr--)
		ledger_push(queue, GOOD);
}

/* Batches, bad operations, backlogs, polls, and waits of all kinds. */
static void collect_some(struct kaio_queue *queue)
{
	struct record *poll;

	push(queue, 3);
	ledger_push(queue, BAD);
	push(queue, 3);
	drive_submit(queue);
	drive_wait(queue, 0, 2, 0);
	drive_wait(queue, 2, 4, KAIO_FOREVER);
	poll = ledger_push(queue, POLL);
	push(queue, 4);
	drive_wait(queue, 3, 3, A_WHILE);
	ledger_fire(poll);
	drive_wait(queue, 1, 8, 0);
	push(queue, 1);
	drive_wait(queue, 1, 8, KAIO_FOREVER);
}

void workload_wait(void)
{
	struct kaio_queue *queue = drive_create(0, 4, 8);

	if (!queue)
		return;
	collect_some(queue);
	drive_finish(queue);
	drive_end(queue);
}

static struct kaio_queue *run_queue;
static unsigned chained;

/* Some push another one, which is submitted by the same run. */
static void chain(struct record *record)
{
	(void)record;
	if (chained && !seam_is_gone()) {
		chained--;
		push(run_queue, 1);
	}
}

void workload_run(void)
{
	struct record *poll;

	run_queue = drive_create(0, 4, 8);
	if (!run_queue)
		return;
	chained = 5;
	ledger_completed = chain;
	push(run_queue, 5);
	ledger_push(run_queue, BAD);
	poll = ledger_push(run_queue, POLL);
	drive_run(run_queue, 0, 0);
	drive_run(run_queue, 3, A_WHILE);
	ledger_fire(poll);
	push(run_queue, 2);
	drive_run(run_queue, 4, KAIO_FOREVER);
	ledger_completed = NULL;
	drive_finish(run_queue);
	drive_end(run_queue);
}

/* Of the backlog, of polls, and of what cannot be cancelled. */
void workload_cancel(void)
{
	struct kaio_queue *queue = drive_create(KAIO_QUEUE_SHRINK, 4, 8);
	struct record *polls[4];
	struct record *waiting[3];
	struct record *good;
	int i;

	if (!queue)
		return;
	good = ledger_push(queue, GOOD);
	drive_submit(queue);
	ledger_cancel(queue, good);
	drive_wait(queue, 0, 4, 0);
	for (i = 0; i < 4; i++)
		polls[i] = ledger_push(queue, POLL);
	drive_submit(queue);
	for (i = 0; i < 3; i++)
		waiting[i] = ledger_push(queue, GOOD);
	ledger_cancel(queue, waiting[0]);
	ledger_cancel(queue, waiting[2]);
	i = CALL(kaio_queue_drain(queue, 0));
	EXPECT(i == -ETIMEDOUT || drive_may_return(i));
	drive_wait(queue, 0, 4, 0);
	for (i = 0; i < 4; i++)
		ledger_cancel(queue, polls[i]);
	drive_drain(queue);
	drive_finish(queue);
	drive_end(queue);
}

/* It ends with operations in all places. */
void workload_drop(void)
{
	struct kaio_queue *queue = drive_create(0, 4, 8);
	int i;

	if (!queue)
		return;
	push(queue, 3);
	drive_submit(queue);
	for (i = 0; i < 3; i++)
		ledger_push(queue, POLL);
	drive_submit(queue);
	push(queue, 2);
	check_watch_lock(NULL);
	for (i = 0; i < 4; i++) {
		int ret = CALL(kaio_queue_destroy(queue));

		if (ret == 0)
			return;
		EXPECT(seam_failed(DESTROY, -ret));
		seam_lift();
		drive_wait(queue, 1, 1, KAIO_FOREVER);
	}
	check_fail("it cannot be destroyed");
}

/* An event loop, which collects nothing before it is told to. */
static void loop(struct kaio_queue *queue)
{
	struct pollfd fd = { CALL(kaio_queue_eventfd(queue)), POLLIN, 0 };
	int tries = 0;

	while (ledger_missing() && !seam_is_gone()) {
		EXPECT(poll(&fd, 1, -1) == 1);
		drive_wait(queue, 0, 2, 0);
		/* It is not told of an error that is as good as nothing. */
		if (++tries > 100)
			seam_lift();
		EXPECT(tries < 1000);
	}
}

static void run_loop(uint32_t flags)
{
	struct kaio_queue *queue =
		drive_create(flags | KAIO_QUEUE_EVENTFD, 4, 8);
	struct record *poll;

	if (!queue)
		return;
	push(queue, 3);
	ledger_push(queue, BAD);
	push(queue, 2);
	drive_submit(queue);
	loop(queue);
	poll = ledger_push(queue, POLL);
	push(queue, 1);
	drive_submit(queue);
	ledger_fire(poll);
	loop(queue);
	poll = ledger_push(queue, POLL);
	drive_submit(queue);
	ledger_cancel(queue, poll);
	seam_lift();
	loop(queue);
	drive_finish(queue);
	drive_end(queue);
}

void workload_eventfd(void)
{
	run_loop(0);
}

void workload_eventfd_shared(void)
{
	run_loop(KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE);
}

/* What a wake leaves behind, and both descriptors. */
void workload_wake(void)
{
	struct kaio_queue *queue =
		drive_create(KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD, 4, 16);
	struct record *poll;

	if (!queue)
		return;
	EXPECT(CALL(kaio_queue_wake(queue)) == 0);
	poll = ledger_push(queue, POLL);
	drive_wait(queue, 1, 1, KAIO_FOREVER);
	EXPECT(CALL(kaio_queue_wake(queue)) == 0);
	EXPECT(CALL(kaio_queue_wake(queue)) == 0);
	drive_wait(queue, 1, 1, KAIO_FOREVER);
	ledger_fire(poll);
	push(queue, 5);
	drive_wait(queue, 4, 6, KAIO_FOREVER);
	EXPECT(CALL(kaio_queue_wake(queue)) == 0);
	drive_wait(queue, 1, 4, KAIO_FOREVER);
	collect_some(queue);
	drive_finish(queue);
	drive_end(queue);
}
