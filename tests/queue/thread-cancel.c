/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: threads that are cancelled in its functions. */
#include "fixture.h"
#include "harness.h"
#include "queue/queue.h"
#include "sanitizers.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>

#define WAKES (KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE)

static struct kaio_queue *queue;
static unsigned called;

static void count(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
	__atomic_add_fetch(&called, 1, __ATOMIC_RELAXED);
}

/* Before glibc 2.34 a thread that has ended is -ESRCH until it is joined. */
static void cancel_thread(pthread_t thread)
{
	int error = pthread_cancel(thread);

	ck_assert(error == 0 || error == ESRCH);
}

static void cancel(struct waiter *waiter)
{
	cancel_thread(waiter->thread);
	threads_join(waiter);
}

START_TEST(a_cancelled_waiter_leaves_the_others_waiting)
{
	struct kaio_op endless = { .complete = count };
	struct waiter reaper, cancelled;
	int way;

	queue = threads_queue(WAKES, 8, 0, 0);
	threads_push_poll(queue, &endless);
	for (way = 0; way < NR_WAYS; way++) {
		threads_start(&reaper, queue, BY_WAIT);
		threads_sleep(queue, 1);
		threads_start(&cancelled, queue, (enum way)way);
		threads_sleep(queue, 2);
		cancel(&cancelled);
		ck_assert(cancelled.cancelled);
		ck_assert_uint_eq(queue->drains, 0);
		threads_sleep(queue, 1);
		ck_assert_ok(kaio_queue_wake(queue));
		threads_join(&reaper);
		ck_assert(!reaper.cancelled);
		ck_assert_int_eq(reaper.ret, 0);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_wake_for_a_cancelled_waiter_goes_to_the_next)
{
	struct waiter reaper, cancelled, next;
	struct kaio_op endless = { .complete = count };
	unsigned round;

	queue = threads_queue(WAKES, 4, 0, 0);
	threads_push_poll(queue, &endless);
	threads_start(&reaper, queue, BY_DRAIN);
	threads_sleep(queue, 1);
	for (round = 0; round < 300; round++) {
		threads_start(&cancelled, queue, BY_WAIT);
		threads_sleep(queue, 2);
		threads_start(&next, queue, round % 2 ? BY_WAIT : BY_RUN);
		threads_sleep(queue, 3);
		ck_assert_ok(kaio_queue_wake(queue));
		cancel(&cancelled);
		if (!cancelled.cancelled)
			ck_assert_ok(kaio_queue_wake(queue));
		threads_join(&next);
		ck_assert_int_eq(next.ret, 0);
	}
	threads_end_poll(&endless);
	threads_join(&reaper);
	ck_assert_int_eq(reaper.ret, 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(the_role_goes_from_a_cancelled_waiter_to_the_next)
{
	struct waiter reaper, cancelled, next;
	struct kaio_op first = { .complete = count };
	struct kaio_op second = { .complete = count };
	unsigned round;

	queue = threads_queue(KAIO_QUEUE_SHARED, 4, 0, 0);
	for (round = 0; round < 300; round++) {
		threads_push_poll(queue, &first);
		threads_push_poll(queue, &second);
		threads_start(&reaper, queue, BY_RUN);
		threads_sleep(queue, 1);
		threads_start(&cancelled, queue, BY_RUN);
		threads_sleep(queue, 2);
		threads_start(&next, queue, BY_RUN);
		threads_sleep(queue, 3);
		threads_end_poll(&first);
		cancel_thread(cancelled.thread);
		threads_end_poll(&second);
		threads_join(&cancelled);
		threads_join(&reaper);
		threads_join(&next);
		ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	}
	ck_assert_uint_eq(called, 600);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_thread_cancelled_in_the_kernel_has_what_it_collects)
{
	struct waiter reaper;
	int way;

	for (way = 0; way < NR_WAYS; way++) {
		struct kaio_op op = { .complete = count };

		queue = threads_queue(WAKES, 4, 0, 0);
		called = 0;
		if (way != BY_TRANSFER_WAIT)
			threads_push_poll(queue, &op);
		threads_start(&reaper, queue, (enum way)way);
		threads_sleep(queue, 1);
		cancel_thread(reaper.thread);
		if (way == BY_TRANSFER_WAIT)
			ck_assert_ok(kaio_transfer_cancel(reaper.transfer));
		else
			threads_end_poll(&op);
		threads_join(&reaper);
		ck_assert(!reaper.cancelled);
#ifndef __GLIBC__
		/* The cancellation of musl is a signal that interrupts calls.
		 */
		if (reaper.ret == -EINTR) {
			ck_assert_ok(kaio_queue_destroy(queue));
			continue;
		}
#endif
		ck_assert_int_eq(reaper.ret, way == BY_DRAIN ? 0
					     : way == BY_TRANSFER_WAIT
						     ? -ECANCELED
						     : 1);
		ck_assert_uint_eq(called, way == BY_RUN);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

static int waited;

/* Asserts nothing: Check has cancellation points, where it loses memory. */
static void *wait_for_two(void *events)
{
	waited = kaio_queue_wait(queue, events, 2, 2, KAIO_FOREVER);
	pthread_testcancel();
	return NULL;
}

static void push_bad(struct kaio_iocb *iocb)
{
	fixture_bad(iocb);
	ck_assert_ok(kaio_queue_push(queue, iocb));
	ck_assert_ok(kaio_queue_submit(queue));
}

static bool has_taken_one(void)
{
	struct kaio_queue_stats stats;

	kaio_queue_stats(queue, &stats);
	return stats.completed == 1;
}

START_TEST(a_wait_is_not_cancelled_with_completions_in_hand)
{
	struct kaio_op endless = { .complete = count };
	struct kaio_event events[2];
	struct kaio_iocb bad[2];
	struct waiter reaper;
	pthread_t thread;
	void *result;

	queue = threads_queue(WAKES, 4, 0, 0);
	threads_push_poll(queue, &endless);
	threads_start(&reaper, queue, BY_DRAIN);
	threads_sleep(queue, 1);
	ck_assert_ok(pthread_create(&thread, NULL, wait_for_two, events));
	threads_sleep(queue, 2);
	push_bad(&bad[0]);
	while (!has_taken_one())
		sched_yield();
	threads_sleep(queue, 2);
	cancel_thread(thread);
	push_bad(&bad[1]);
	ck_assert_ok(pthread_join(thread, &result));
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	ck_assert_int_eq(waited, 2);
	ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &bad[0]);
	ck_assert_ptr_eq(kaio_event_iocb(&events[1]), &bad[1]);
	threads_end_poll(&endless);
	threads_join(&reaper);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static unsigned rounds;
static struct kaio_transfer *transfer;

static void *collect_again_and_again(void *way)
{
	struct kaio_event event;

	for (;; __atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED)) {
		if (*(int *)way == 0)
			kaio_queue_reap(queue, &event, 1);
		else if (*(int *)way == 1)
			kaio_queue_wait(queue, &event, 1, 1, 1000);
		else if (*(int *)way == 2)
			kaio_queue_run(queue, 1, 1000);
		else if (*(int *)way == 3)
			kaio_queue_drain(queue, 1000);
		else
			kaio_transfer_test(transfer);
	}
	return NULL;
}

START_TEST(a_cancelled_poller_leaves_the_queue_unlocked)
{
	const uint32_t flags = KAIO_QUEUE_SHARED | KAIO_QUEUE_EVENTFD;
	struct kaio_iocb bad;
	struct kaio_event event;
	pthread_t thread;
	int way;

	if (WITH_ADDRESS_SANITIZER)
		SKIP("AddressSanitizer uses the stack of a cancelled thread");
	queue = threads_queue(flags, 4, 0, 0);
	ck_assert_ok(kaio_transfer_create(&transfer, queue, 1, NULL));
	fixture_endless(kaio_transfer_iocb(transfer, 0));
	ck_assert_ok(kaio_transfer_post(transfer));
	for (way = 0; way < 5; way++) {
		__atomic_store_n(&rounds, 0, __ATOMIC_RELAXED);
		ck_assert_ok(pthread_create(&thread, NULL,
					    collect_again_and_again, &way));
		while (__atomic_load_n(&rounds, __ATOMIC_RELAXED) < 10)
			sched_yield();
		cancel_thread(thread);
		ck_assert_ok(pthread_join(thread, NULL));
		push_bad(&bad);
		ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 1);
		ck_assert_ptr_eq(kaio_event_iocb(&event), &bad);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_ok(kaio_transfer_release(transfer));
}
END_TEST

/* Calls that are no cancellation points. */
static void *call_while_cancelled(void *returned)
{
	int eventfd_of_op = eventfd(0, EFD_CLOEXEC);
	struct pollfd raised = { eventfd_of_op, POLLIN, 0 };
	struct kaio_iocb bad, good;
	struct kaio_queue *other;

	fixture_good(&good);
	fixture_bad(&bad);
	kaio_iocb_set_eventfd(&bad, eventfd_of_op);
	pthread_cancel(pthread_self());
	*(int *)returned =
		kaio_queue_push(queue, &bad) | kaio_queue_submit(queue) |
		kaio_queue_push(queue, &good) |
		kaio_queue_cancel(queue, &good) | kaio_queue_wake(queue) |
		kaio_queue_create(&other, 1, NULL) | kaio_queue_destroy(other);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	ck_assert_int_eq(poll(&raised, 1, 0), 1);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	return NULL;
}

START_TEST(calls_that_do_not_collect_are_no_cancellation_points)
{
	struct waiter waiter;
	int returned = 1;
	pthread_t thread;
	void *result;

	queue = threads_queue(WAKES, 4, 0, 0);
	threads_start(&waiter, queue, BY_WAIT);
	threads_sleep(queue, 1);
	ck_assert_ok(
		pthread_create(&thread, NULL, call_while_cancelled, &returned));
	ck_assert_ok(pthread_join(thread, &result));
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	ck_assert_ok(returned);
	threads_join(&waiter);
	ck_assert_int_le(waiter.ret, 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_thread_cancel(void)
{
	const TTest *tests[] = {
		a_cancelled_waiter_leaves_the_others_waiting,
		a_wake_for_a_cancelled_waiter_goes_to_the_next,
		the_role_goes_from_a_cancelled_waiter_to_the_next,
		a_thread_cancelled_in_the_kernel_has_what_it_collects,
		a_wait_is_not_cancelled_with_completions_in_hand,
		a_cancelled_poller_leaves_the_queue_unlocked,
		calls_that_do_not_collect_are_no_cancellation_points,
	};

	return harness_both_ways("queue: thread cancellation", tests,
				 COUNT(tests));
}
