/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: many threads push, submit, cancel and wait at once. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define PRODUCERS 8
#define WAITERS_MAX 4

static struct kaio_queue *queue;
static size_t per_producer;
static struct kaio_iocb *iocbs;
static unsigned *seen;
static size_t collected;
static size_t failed;
static bool stop;

static struct kaio_queue *create(uint32_t flags, unsigned depth,
				 unsigned backlog)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = backlog };
	struct kaio_queue *new;

	ck_assert_ok(kaio_queue_create(&new, depth, &params));
	return new;
}

static void *produce(void *first)
{
	struct kaio_iocb *own = first;
	size_t i;

	for (i = 0; i < per_producer; i++) {
		if (i % 10 == 9)
			fixture_bad(&own[i]);
		else
			fixture_good(&own[i]);
		for (;;) {
			int ret = kaio_queue_push(queue, &own[i]);

			if (ret == 0)
				break;
			ck_assert_int_eq(ret, -ENOBUFS);
			ck_assert_int_ge(kaio_queue_submit(queue), 0);
			sched_yield();
		}
		if (i % 100 == 50)
			(void)kaio_queue_cancel(queue, &own[i]);
		if (i % 3 == 0 || i + 1 == per_producer)
			ck_assert_int_ge(kaio_queue_submit(queue), 0);
	}
	return NULL;
}

static void *collect(void *unused)
{
	struct kaio_event events[16];

	(void)unused;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		int ret = kaio_queue_wait(queue, events, 3, 16, KAIO_FOREVER);
		int i;

		ck_assert_int_ge(ret, 0);
		for (i = 0; i < ret; i++) {
			size_t which =
				(size_t)(kaio_event_iocb(&events[i]) - iocbs);

			__atomic_fetch_add(&seen[which], 1, __ATOMIC_RELAXED);
			if (events[i].res != 1)
				__atomic_fetch_add(&failed, 1,
						   __ATOMIC_RELAXED);
			__atomic_fetch_add(&collected, 1, __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

static void produce_and_collect(size_t waiters)
{
	pthread_t producers[PRODUCERS];
	pthread_t collectors[WAITERS_MAX];
	size_t total;
	size_t i;

	per_producer = 5000;
	total = per_producer * PRODUCERS;
	iocbs = calloc(total, sizeof(*iocbs));
	seen = calloc(total, sizeof(*seen));
	queue = create(KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE, 32, 64);
	for (i = 0; i < waiters; i++)
		ck_assert_ok(
			pthread_create(&collectors[i], NULL, collect, NULL));
	for (i = 0; i < PRODUCERS; i++)
		ck_assert_ok(pthread_create(&producers[i], NULL, produce,
					    iocbs + i * per_producer));
	for (i = 0; i < PRODUCERS; i++)
		ck_assert_ok(pthread_join(producers[i], NULL));
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	while (__atomic_load_n(&collected, __ATOMIC_ACQUIRE) < total)
		sched_yield();
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < waiters; i++)
		ck_assert_ok(kaio_queue_wake(queue));
	for (i = 0; i < waiters; i++) {
		/* One wake ends one wait: there may be others to end. */
		while (pthread_tryjoin_np(collectors[i], NULL) == EBUSY) {
			ck_assert_ok(kaio_queue_wake(queue));
			sched_yield();
		}
	}
	for (i = 0; i < total; i++)
		ck_assert_uint_eq(seen[i], 1);
	ck_assert_uint_eq(collected, total);
	ck_assert_uint_ge(failed, total / 10);
	ck_assert_uint_le(failed, total / 10 + total / 100);
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(eight_producers_and_one_waiter_lose_nothing)
{
	produce_and_collect(1);
}
END_TEST

START_TEST(eight_producers_and_four_waiters_lose_nothing)
{
	produce_and_collect(4);
}
END_TEST

struct sleeper {
	pthread_t thread;
	struct kaio_event event;
	int collected;
};

static void *sleep_for_one(void *argument)
{
	struct sleeper *sleeper = argument;

	sleeper->collected =
		kaio_queue_wait(queue, &sleeper->event, 1, 1, KAIO_FOREVER);
	return NULL;
}

static void start(struct sleeper *sleeper)
{
	ck_assert_ok(
		pthread_create(&sleeper->thread, NULL, sleep_for_one, sleeper));
}

static void join(struct sleeper *sleeper)
{
	ck_assert_ok(pthread_join(sleeper->thread, NULL));
}

START_TEST(a_sleeper_learns_of_what_the_kernel_refused)
{
	struct kaio_iocb bad, endless;
	struct sleeper sleeper;

	queue = create(KAIO_QUEUE_SHARED, 4, 0);
	fixture_endless(&endless);
	ck_assert_ok(kaio_queue_push(queue, &endless));
	start(&sleeper);
	while (kaio_queue_inflight(queue) == 0)
		sched_yield();
	fixture_bad(&bad);
	ck_assert_ok(kaio_queue_push(queue, &bad));
	ck_assert_int_ge(kaio_queue_submit(queue), 0);
	join(&sleeper);
	ck_assert_int_eq(sleeper.collected, 1);
	ck_assert_int_eq(sleeper.event.res, -EBADF);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(two_sleepers_for_one_operation_both_return)
{
	struct sleeper sleepers[2];
	struct kaio_iocb endless;
	unsigned i;

	queue = create(KAIO_QUEUE_SHARED, 4, 0);
	for (i = 0; i < 100; i++) {
		fixture_endless(&endless);
		ck_assert_ok(kaio_queue_push(queue, &endless));
		ck_assert_int_eq(kaio_queue_submit(queue), 1);
		start(&sleepers[0]);
		start(&sleepers[1]);
		ck_assert_ok(kaio_queue_cancel(queue, &endless));
		join(&sleepers[0]);
		join(&sleepers[1]);
		ck_assert_int_eq(sleepers[0].collected + sleepers[1].collected,
				 1);
		ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static int called;

static void count_call(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
	called++;
}

static void *run_for_two(void *begun)
{
	int ret;

	__atomic_store_n((bool *)begun, true, __ATOMIC_RELEASE);
	ret = kaio_queue_run(queue, 2, KAIO_FOREVER);
	ck_assert_int_eq(ret, called);
	return NULL;
}

/* It watches the ring for two, which another thread takes one by one. */
START_TEST(a_run_that_others_leave_nothing_to_returns)
{
	const struct kaio_queue_params params = { .flags = KAIO_QUEUE_SHARED,
						  .spin_ns = 20000000 };
	struct kaio_op ops[2];
	struct kaio_event event;
	pthread_t thread;
	int round, reaped, i;

	for (round = 0; round < 5; round++) {
		bool begun = false;

		called = reaped = 0;
		ck_assert_ok(kaio_queue_create(&queue, 4, &params));
		for (i = 0; i < 2; i++) {
			fixture_endless(&ops[i].iocb);
			ops[i].complete = count_call;
			ck_assert_ok(kaio_queue_push(queue, &ops[i].iocb));
		}
		ck_assert_int_eq(kaio_queue_submit(queue), 2);
		ck_assert_ok(
			pthread_create(&thread, NULL, run_for_two, &begun));
		while (!__atomic_load_n(&begun, __ATOMIC_ACQUIRE))
			sched_yield();
		for (i = 0; i < 2; i++) {
			ck_assert_ok(kaio_queue_cancel(queue, &ops[i].iocb));
			reaped += kaio_queue_reap(queue, &event, 1);
		}
		ck_assert_ok(pthread_join(thread, NULL));
		ck_assert_int_eq(called + reaped, 2);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

Suite *suite_queue_shared(void)
{
	const TTest *tests[] = {
		eight_producers_and_one_waiter_lose_nothing,
		eight_producers_and_four_waiters_lose_nothing,
		a_sleeper_learns_of_what_the_kernel_refused,
		two_sleepers_for_one_operation_both_return,
		a_run_that_others_leave_nothing_to_returns,
	};

	return harness_both_ways("queue: shared", tests, COUNT(tests));
}
