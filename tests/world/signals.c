/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Storms of signals at threads that wait. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#define SIGNALS 25000 /* in each of the four tests */
#define QUEUED 16
#define NR 8

enum {
	BY_WAIT,
	BY_RUN,
	BY_DRAIN,
	BY_TRANSFER,
	NR_WAYS
};

static unsigned handled; /* atomic */

static void count_signal(int number)
{
	(void)number;
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

static unsigned signals(void)
{
	return __atomic_load_n(&handled, __ATOMIC_RELAXED);
}

struct op {
	struct kaio_op op;
	unsigned completed; /* atomic */
};

/* One thread: waits, with all that it started coming back each time. */
struct waiter {
	pthread_t thread;
	struct kaio_queue *queue;
	struct kaio_transfer *transfer;
	struct op ops[NR];
	uint64_t started;
	uint64_t completed; /* atomic: others may call back */
	const char *wrong;
	bool stop;  /* atomic */
	bool ended; /* atomic */
	int event;
};

static void complete(struct kaio_op *op, int64_t res)
{
	struct op *mine = (struct op *)op;
	struct waiter *waiter =
		kaio_event_data(&(struct kaio_event){ .data = op->iocb.data });

	if (res <= 0)
		waiter->wrong = "a result";
	__atomic_add_fetch(&mine->completed, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&waiter->completed, 1, __ATOMIC_RELEASE);
}

static bool start_all(struct waiter *waiter)
{
	unsigned i;
	int fd = waiter->event;

	for (i = 0; i < NR; i++) {
		struct op *op = &waiter->ops[i];

		op->op.complete = complete;
		op->completed = 0;
		kaio_prep_poll(&op->op.iocb, fd, POLLIN);
		kaio_iocb_set_data(&op->op.iocb, waiter);
		if (kaio_queue_push(waiter->queue, &op->op.iocb) < 0)
			return false;
		waiter->started++;
	}
	return kaio_queue_submit(waiter->queue) >= 0;
}

static int collect(struct waiter *waiter, unsigned way)
{
	struct kaio_event events[NR];
	int ret, i;

	if (way == BY_RUN)
		return kaio_queue_run(waiter->queue, 1, 1000000);
	if (way == BY_DRAIN) {
		ret = kaio_queue_drain(waiter->queue, 1000000);
		return ret < 0 ? ret : kaio_queue_run(waiter->queue, 0, 0);
	}
	if (way == BY_TRANSFER) {
		ret = kaio_transfer_wait(waiter->transfer, 1000000);
		if (ret == 0)
			ret = kaio_transfer_post(waiter->transfer);
		return ret == -EINPROGRESS ? 0 : ret;
	}
	ret = kaio_queue_wait(waiter->queue, events, 1, NR, 1000000);
	for (i = 0; i < ret; i++) {
		struct kaio_op *op = (void *)kaio_event_iocb(&events[i]);

		op->complete(op, events[i].res);
	}
	return ret;
}

static bool has_all(const struct waiter *waiter)
{
	return __atomic_load_n(&waiter->completed, __ATOMIC_ACQUIRE) ==
	       waiter->started;
}

/* They sleep first, and are interrupted; then the polls end. */
static bool turn(struct waiter *waiter, unsigned way)
{
	uint64_t counter;
	unsigned i;
	int ret = 0;

	if (!start_all(waiter))
		return false;
	if (way != BY_DRAIN)
		ret = collect(waiter, way);
	eventfd_write(waiter->event, 1);
	while (!has_all(waiter) &&
	       (ret >= 0 || ret == -EINTR || ret == -ETIMEDOUT))
		ret = collect(waiter, way);
	for (i = 0; i < NR; i++)
		if (waiter->ops[i].completed != 1)
			return false;
	return eventfd_read(waiter->event, &counter) == 0 && has_all(waiter);
}

static void *wait_again_and_again(void *argument)
{
	struct waiter *waiter = argument;
	unsigned way;

	for (way = 0; !__atomic_load_n(&waiter->stop, __ATOMIC_RELAXED); way++)
		if (!turn(waiter, way % NR_WAYS)) {
			waiter->wrong = "an operation is lost or there twice";
			break;
		}
	__atomic_store_n(&waiter->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static void begin(struct waiter *waiter, struct kaio_queue *queue)
{
	memset(waiter, 0, sizeof(*waiter));
	waiter->queue = queue;
	waiter->event = eventfd(0, EFD_CLOEXEC);
	waiter->transfer = fixture_transfer(queue, 4);
	ck_assert_ok(kaio_transfer_post(waiter->transfer));
	ck_assert_ok(pthread_create(&waiter->thread, NULL, wait_again_and_again,
				    waiter));
}

static bool any_has_ended(struct waiter *waiters, unsigned nr)
{
	bool ended = false;
	unsigned i;

	for (i = 0; i < nr; i++)
		ended |= __atomic_load_n(&waiters[i].ended, __ATOMIC_ACQUIRE);
	return ended;
}

/* They are of a kind that is queued: each is handled. */
static void storm(uint32_t flags, unsigned nr)
{
	const struct kaio_queue_params params = { .flags = flags };
	struct sigaction action = { .sa_handler = count_signal };
	struct waiter waiters[3];
	struct kaio_queue *queue;
	unsigned nr_signals = world_rounds(SIGNALS);
	unsigned sent = 0;
	unsigned i;

	ck_assert_ok(sigaction(SIGRTMIN, &action, NULL));
	ck_assert_ok(kaio_queue_create(&queue, nr * (NR + 4), &params));
	handled = 0;
	for (i = 0; i < nr; i++)
		begin(&waiters[i], queue);
	while (signals() < nr_signals && !any_has_ended(waiters, nr)) {
		if (sent - signals() < QUEUED &&
		    pthread_kill(waiters[sent % nr].thread, SIGRTMIN) == 0)
			sent++;
		else
			sched_yield();
	}
	for (i = 0; i < nr; i++)
		__atomic_store_n(&waiters[i].stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < nr; i++) {
		ck_assert_ok(pthread_join(waiters[i].thread, NULL));
		ck_assert_ptr_null(waiters[i].wrong);
		ck_assert_uint_gt(waiters[i].started, 0);
	}
	ck_assert_uint_ge(signals(), nr_signals);
	for (i = 0; i < nr; i++)
		ck_assert_ok(kaio_transfer_release(waiters[i].transfer));
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(signals_take_nothing_from_a_thread_that_waits_alone)
{
	storm(0, 1);
}
END_TEST

START_TEST(signals_take_nothing_from_threads_that_share_a_queue)
{
	storm(KAIO_QUEUE_SHARED, 3);
}
END_TEST

Suite *suite_world_signals(void)
{
	const TTest *tests[] = {
		signals_take_nothing_from_a_thread_that_waits_alone,
		signals_take_nothing_from_threads_that_share_a_queue,
	};

	return harness_both_ways("world: signals", tests, COUNT(tests));
}
