/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The queue layer: one thread waits for the kernel, and what it is woken for
 * takes few system calls, however many threads wait beside it.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "queue/collect.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#define THREADS_MAX 8
#define CALLS_MAX 4

static struct kaio_queue *queue;
static struct kaio_transfer *transfer;
static unsigned handled; /* atomic: completions, and waits that were woken */
static bool stop;	 /* atomic */

static void handle(void)
{
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELEASE);
}

static void handle_op(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
	handle();
}

static void wait_once(enum way way)
{
	struct kaio_event event;

	switch (way) {
	case BY_WAIT:
		kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);
		handle();
		break;
	case BY_RUN:
		if (kaio_queue_run(queue, 1, KAIO_FOREVER) == 0)
			handle();
		break;
	case BY_DRAIN:
		kaio_queue_drain(queue, KAIO_FOREVER);
		break;
	default:
		if (kaio_transfer_wait(transfer, KAIO_FOREVER) == -EINPROGRESS)
			handle();
	}
}

static void *wait_until_stop(void *way)
{
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		wait_once(*(const enum way *)way);
	return NULL;
}

static int start_thread(pthread_t *thread, const enum way *way, bool realtime)
{
	const struct sched_param priority = { .sched_priority = 1 };
	pthread_attr_t attributes;
	int ret;

	pthread_attr_init(&attributes);
	if (realtime) {
		pthread_attr_setinheritsched(&attributes,
					     PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
		pthread_attr_setschedparam(&attributes, &priority);
	}
	ret = pthread_create(thread, &attributes, wait_until_stop,
			     (void *)(uintptr_t)way);
	pthread_attr_destroy(&attributes);
	return ret;
}

/* Until one more was handled and all sleep again; how many calls that took. */
static unsigned long calls_of_one(unsigned nr_threads, unsigned long calls)
{
	while (__atomic_load_n(&handled, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	threads_sleep(queue, nr_threads);
	ck_assert_uint_eq(__atomic_exchange_n(&handled, 0, __ATOMIC_ACQUIRE),
			  1);
	return faults_calls_of_all() - calls;
}

static void end_threads(pthread_t *threads, unsigned nr)
{
	unsigned i;

	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	ck_assert_ok(kaio_transfer_cancel(transfer));
	for (i = 0; i < nr; i++) {
		while (pthread_tryjoin_np(threads[i], NULL) == EBUSY) {
			ck_assert_ok(kaio_queue_wake(queue));
			sched_yield();
		}
	}
}

static void count_calls(const enum way *ways, unsigned nr, uint32_t flags,
			bool realtime)
{
	/*
	 * Two more raise the eventfd, and lower it when the wait is repeated;
	 * and the reaper raises it again if that was meanwhile.
	 */
	const unsigned long max =
		CALLS_MAX + (flags & KAIO_QUEUE_EVENTFD ? 3 : 0);
	struct kaio_op poll = { .complete = handle_op };
	struct kaio_op bad = { .complete = handle_op };
	pthread_t threads[THREADS_MAX];
	unsigned long calls;
	unsigned i;

	stop = false;
	handled = 0;
	queue = threads_queue(flags | KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE, 4, 4,
			      0);
	ck_assert_ok(kaio_transfer_create(&transfer, queue, 1, NULL));
	fixture_endless(kaio_transfer_iocb(transfer, 0));
	ck_assert_ok(kaio_transfer_post(transfer));
	threads_push_poll(queue, &poll);
	for (i = 0; i < nr; i++) {
		ck_assert_ok(start_thread(&threads[i], &ways[i], realtime));
		threads_sleep(queue, i + 1);
	}

	calls = faults_calls_of_all();
	ck_assert_ok(kaio_queue_wake(queue));
	ck_assert_uint_le(calls_of_one(nr, calls), max);

	calls = faults_calls_of_all();
	threads_end_poll(&poll);
	ck_assert_uint_le(calls_of_one(nr, calls), max);

	/* Its io_submit is the one more. */
	calls = faults_calls_of_all();
	fixture_bad(&bad.iocb);
	ck_assert_ok(kaio_queue_push(queue, &bad.iocb));
	ck_assert_ok(kaio_queue_submit(queue));
	ck_assert_uint_le(calls_of_one(nr, calls), max + 1);

	end_threads(threads, nr);
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_ok(kaio_transfer_release(transfer));
}

/* At least one is no drain, which takes nothing. */
static void count_calls_of_mixes(uint32_t flags, bool realtime)
{
	enum way ways[THREADS_MAX];
	unsigned nr, first, step, i;

	for (nr = 2; nr <= THREADS_MAX; nr++) {
		for (first = 0; first < NR_WAYS; first++) {
			for (step = 1; step <= 2; step++) {
				for (i = 0; i < nr; i++)
					ways[i] = (enum way)(
						(first + i * step) % NR_WAYS);
				count_calls(ways, nr, flags, realtime);
			}
		}
		/* All but the last drain. */
		for (i = 0; i < nr; i++)
			ways[i] = BY_DRAIN;
		ways[nr - 1] = BY_WAIT;
		count_calls(ways, nr, flags, realtime);
	}
}

START_TEST(a_wake_up_takes_few_system_calls)
{
	count_calls_of_mixes(0, false);
}
END_TEST

START_TEST(a_wake_up_takes_few_system_calls_with_an_eventfd)
{
	count_calls_of_mixes(KAIO_QUEUE_EVENTFD, false);
}
END_TEST

START_TEST(a_wake_up_takes_few_system_calls_of_realtime_threads)
{
	const struct sched_param priority = { .sched_priority = 1 };
	const struct sched_param none = { .sched_priority = 0 };

	if (sched_setscheduler(0, SCHED_FIFO, &priority) < 0)
		SKIP("SCHED_FIFO: %s", strerror(errno));
	ck_assert_ok(sched_setscheduler(0, SCHED_OTHER, &none));
	count_calls_of_mixes(0, true);
}
END_TEST

static bool held;
static unsigned arrived;

/* Between the reaper's last look and its sleep in the kernel. */
static int hold_the_reaper(long number, long *arguments)
{
	if (!faults_may_sleep(number, arguments))
		return 0;
	__atomic_add_fetch(&arrived, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&held, __ATOMIC_ACQUIRE))
		sched_yield();
	return 0;
}

START_TEST(a_call_that_does_not_wait_takes_no_wake_from_the_reaper)
{
	struct kaio_op endless = { .complete = handle_op };
	struct kaio_event event;
	struct waiter waiter;
	int way;

	for (way = 0; way < 3; way++) {
		queue = threads_queue(KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE, 4, 0,
				      0);
		threads_push_poll(queue, &endless);
		__atomic_store_n(&held, true, __ATOMIC_RELEASE);
		__atomic_store_n(&arrived, 0, __ATOMIC_RELEASE);
		faults_before_call(hold_the_reaper);
		threads_start(&waiter, queue, BY_WAIT);
		while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) == 0)
			sched_yield();
		ck_assert_ok(kaio_queue_wake(queue));
		if (way == 0)
			ck_assert_ok(kaio_queue_reap(queue, &event, 1));
		else if (way == 1)
			ck_assert_ok(kaio_queue_run(queue, 0, 0));
		else
			ck_assert_int_eq(kaio_queue_drain(queue, 0),
					 -ETIMEDOUT);
		__atomic_store_n(&held, false, __ATOMIC_RELEASE);
		threads_join(&waiter);
		ck_assert_int_eq(waiter.ret, 0);
		faults_before_call(NULL);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

/* Another thread takes its event, and the drain no wake. */
START_TEST(the_reaper_does_not_sleep_without_its_wakeup)
{
	struct kaio_op endless = { .complete = handle_op };
	struct waiter waiter;
	bool armed;

	if (!harness_has_ring())
		SKIP("without the ring nothing spins");
	queue = threads_queue(KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE, 4, 0,
			      INT64_MAX);
	threads_push_poll(queue, &endless);
	threads_start(&waiter, queue, BY_DRAIN);
	threads_spin(queue);
	queue_lock(queue);
	ck_assert_ok(kaio_queue_wake(queue));
	ck_assert_uint_eq(kaioq_collect_ring(queue), 0);
	ck_assert(!queue->wakeup_armed);
	queue_unlock(queue);
	while (faults_sleepers() == 0)
		sched_yield();
	queue_lock(queue);
	armed = queue->wakeup_armed;
	queue_unlock(queue);
	ck_assert(armed);
	threads_end_poll(&endless);
	threads_join(&waiter);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_reaper(void)
{
	const TTest *tests[] = {
		a_wake_up_takes_few_system_calls,
		a_wake_up_takes_few_system_calls_with_an_eventfd,
		a_wake_up_takes_few_system_calls_of_realtime_threads,
		a_call_that_does_not_wait_takes_no_wake_from_the_reaper,
		the_reaper_does_not_sleep_without_its_wakeup,
	};

	return harness_both_ways("queue: reaper", tests, COUNT(tests));
}
