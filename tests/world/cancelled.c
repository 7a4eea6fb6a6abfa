/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Threads that are cancelled at any moment, in all that a shared queue does. */
#include "fixture.h"
#include "harness.h"
#include "sanitizers.h"
#include "suites.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define THREADS 3
#define OPS 8
#define ROUNDS 150
#define TIMEOUT_NS 2000000

struct op {
	struct kaio_op op;
	unsigned busy; /* atomic: completions that are to come */
};

/* A thread's, which others and the next thread take over. */
struct victim {
	pthread_t thread;
	struct op ops[OPS];
	struct kaio_transfer *transfer;
	unsigned turns; /* atomic */
	unsigned number;
};

static struct kaio_queue *queue;
static int null;
/* In flight all the time: a thread that waits for more sleeps. */
static struct op endless;
static struct victim victims[THREADS];
static unsigned doubled; /* atomic */

static void complete(struct kaio_op *op, int64_t res)
{
	struct op *mine = (struct op *)op;

	(void)res;
	if (__atomic_fetch_sub(&mine->busy, 1, __ATOMIC_RELEASE) != 1)
		__atomic_add_fetch(&doubled, 1, __ATOMIC_RELAXED);
}

static void start(struct op *op, unsigned kind)
{
	if (__atomic_load_n(&op->busy, __ATOMIC_ACQUIRE))
		return;
	kaio_prep_pwrite(&op->op.iocb, kind % 3 ? null : -1, "", 1, 0);
	op->op.complete = complete;
	__atomic_store_n(&op->busy, 1, __ATOMIC_RELAXED);
	if (kaio_queue_push(queue, &op->op.iocb) < 0)
		__atomic_store_n(&op->busy, 0, __ATOMIC_RELAXED);
}

static void collect(unsigned way)
{
	struct kaio_event events[4];
	int ret, i;

	if (way % 4 == 0)
		kaio_queue_drain(queue, TIMEOUT_NS);
	else if (way % 4 == 1)
		kaio_queue_run(queue, 1, TIMEOUT_NS);
	if (way % 4 < 2)
		return;
	ret = way % 4 == 2 ? kaio_queue_wait(queue, events, 1 + way / 8 % 4, 4,
					     TIMEOUT_NS)
			   : kaio_queue_reap(queue, events, 4);
	for (i = 0; i < ret; i++) {
		struct kaio_op *op = (void *)kaio_event_iocb(&events[i]);

		op->complete(op, events[i].res);
	}
}

/* Asserts nothing: Check has cancellation points, and locks. */
static void *work(void *argument)
{
	struct victim *victim = argument;
	unsigned seed = victim->turns + victim->number;

	for (;;) {
		unsigned number = (unsigned)rand_r(&seed);

		start(&victim->ops[number / 8 % OPS], number / 64);
		if (number % 8 < 4)
			collect(number);
		else if (number % 8 == 4)
			kaio_queue_submit(queue);
		else if (number % 8 == 5)
			kaio_transfer_post(victim->transfer);
		else if (number % 8 == 6)
			kaio_transfer_wait(victim->transfer, TIMEOUT_NS);
		else
			kaio_transfer_test(victim->transfer);
		__atomic_add_fetch(&victim->turns, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void begin(struct victim *victim)
{
	ck_assert_ok(pthread_create(&victim->thread, NULL, work, victim));
}

static unsigned turns(const struct victim *victim)
{
	return __atomic_load_n(&victim->turns, __ATOMIC_RELAXED);
}

/* After a few turns more; and another thread goes on in its place. */
static void cancel_one(struct victim *victim, unsigned after)
{
	unsigned begun = turns(victim);
	void *result;

	while (turns(victim) - begun < after)
		sched_yield();
	ck_assert_ok(pthread_cancel(victim->thread));
	ck_assert_ok(pthread_join(victim->thread, &result));
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

static void nothing_is_outstanding(void)
{
	struct kaio_queue_stats stats;
	unsigned i, op;

	for (i = 0; i < THREADS; i++) {
		int ret = kaio_transfer_wait(victims[i].transfer, KAIO_FOREVER);

		ck_assert_int_eq(ret, 0);
	}
	ck_assert_ok(kaio_queue_cancel(queue, &endless.op.iocb));
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	while (kaio_queue_run(queue, 1, 0) > 0)
		;
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.pushed, stats.completed);
	for (i = 0; i < THREADS; i++)
		for (op = 0; op < OPS; op++)
			ck_assert_uint_eq(victims[i].ops[op].busy, 0);
	ck_assert_uint_eq(endless.busy, 0);
	ck_assert_uint_eq(doubled, 0);
}

static void cancel_at_any_moment(uint32_t flags)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = 8 };
	unsigned rounds = world_rounds(ROUNDS);
	unsigned seed = 1;
	unsigned i, round;

	if (WITH_ADDRESS_SANITIZER)
		SKIP("AddressSanitizer uses the stack of a cancelled thread");
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(null, 0);
	ck_assert_ok(kaio_queue_create(&queue, 8, &params));
	fixture_endless(&endless.op.iocb);
	endless.op.complete = complete;
	endless.busy = 1;
	ck_assert_ok(kaio_queue_push(queue, &endless.op.iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	for (i = 0; i < THREADS; i++) {
		victims[i].transfer = fixture_transfer(queue, 12);
		victims[i].number = i;
		ck_assert_ok(kaio_transfer_post(victims[i].transfer));
		begin(&victims[i]);
	}
	for (round = 0; round < rounds; round++) {
		struct victim *victim = &victims[round % THREADS];

		cancel_one(victim, (unsigned)rand_r(&seed) % 4);
		begin(victim);
	}
	for (i = 0; i < THREADS; i++)
		cancel_one(&victims[i], 0);
	nothing_is_outstanding();
	for (i = 0; i < THREADS; i++)
		ck_assert_ok(kaio_transfer_release(victims[i].transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(a_cancelled_thread_takes_neither_completions_nor_locks_with_it)
{
	cancel_at_any_moment(KAIO_QUEUE_SHARED);
}
END_TEST

START_TEST(with_wakes_and_an_eventfd_neither)
{
	cancel_at_any_moment(KAIO_QUEUE_SHARED | KAIO_QUEUE_EVENTFD |
			     KAIO_QUEUE_WAKE);
}
END_TEST

Suite *suite_world_cancelled(void)
{
	const TTest *tests[] = {
		a_cancelled_thread_takes_neither_completions_nor_locks_with_it,
		with_wakes_and_an_eventfd_neither,
	};

	return harness_both_ways("world: cancelled", tests, COUNT(tests));
}
