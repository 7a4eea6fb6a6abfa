/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The workloads on a queue that threads share. */
#include "check.h"
#include "drive.h"
#include "ledger.h"
#include "seam.h"
#include "workloads.h"

#include <pthread.h>
#include <sched.h>

#define WAITERS 2
#define ROOM 4

static struct kaio_queue *queue;
static bool stopping; /* atomic */

/* One wake ends one wait: who leaves passes it on. */
static void wake(void)
{
	EXPECT(CALL(kaio_queue_wake(queue)) == 0);
}

static void *wait(void *arg)
{
	(void)arg;
	while (!seam_is_gone() && !__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
		drive_wait(queue, 1, ROOM, KAIO_FOREVER);
	wake();
	return NULL;
}

static void *run(void *arg)
{
	(void)arg;
	while (!seam_is_gone() && !__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
		drive_run(queue, 1, KAIO_FOREVER);
	wake();
	return NULL;
}

/* Until the others have collected all. */
static void leave_to_the_others(void)
{
	while (ledger_missing() && !seam_is_gone())
		sched_yield();
}

static void push_batches(void)
{
	struct record *poll;
	int round;
	int i;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 3; i++)
			ledger_push(queue, GOOD);
		ledger_push(queue, BAD);
		drive_submit(queue);
		poll = ledger_push(queue, POLL);
		drive_submit(queue);
		if (round)
			ledger_fire(poll);
		else
			ledger_cancel(queue, poll);
		wake();
		leave_to_the_others();
	}
}

static bool begin(uint32_t flags)
{
	queue = drive_create(flags | KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE, 4,
			     16);
	/* Other threads have the lock at any time. */
	check_watch_lock(NULL);
	return queue;
}

static void end(pthread_t *threads, int nr)
{
	__atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
	wake();
	while (nr--)
		EXPECT(pthread_join(threads[nr], NULL) == 0);
	check_watch_lock(queue);
	drive_finish(queue);
	drive_end(queue);
}

void workload_threads(void)
{
	pthread_t threads[WAITERS];

	if (!begin(0))
		return;
	EXPECT(pthread_create(&threads[0], NULL, wait, NULL) == 0);
	EXPECT(pthread_create(&threads[1], NULL, run, NULL) == 0);
	push_batches();
	end(threads, WAITERS);
}

static void *drain(void *arg)
{
	(void)arg;
	drive_drain(queue);
	return NULL;
}

/* One that takes nothing, beside one that does. */
void workload_drains(void)
{
	pthread_t threads[2];
	pthread_t drainer;
	struct record *poll;
	unsigned tries;

	if (!begin(KAIO_QUEUE_EVENTFD))
		return;
	poll = ledger_push(queue, POLL);
	drive_submit(queue);
	EXPECT(pthread_create(&drainer, NULL, drain, NULL) == 0);
	EXPECT(pthread_create(&threads[0], NULL, wait, NULL) == 0);
	ledger_push(queue, GOOD);
	ledger_push(queue, GOOD);
	drive_submit(queue);
	/* While the poll is in flight, a fault that lasts is no error. */
	for (tries = 0; ledger_missing() > 1 && !seam_is_gone(); tries++) {
		if (tries == 100)
			seam_lift();
		sched_yield();
	}
	ledger_fire(poll);
	EXPECT(pthread_join(drainer, NULL) == 0);
	end(threads, 1);
}
