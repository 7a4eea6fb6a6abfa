/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: a kernel that has no memory for a while. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>

/* As RETRY_MAX of submit.c. */
#define TRIES 32

static const int errors[] = { EAGAIN, ENOMEM };

static struct kaio_queue *queue;
static int called;

static void count(struct kaio_op *op, int64_t res)
{
	(void)op;
	ck_assert_int_eq(res, 1);
	called++;
}

static bool is_readable(void)
{
	struct pollfd fd = { kaio_queue_eventfd(queue), POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

static bool collect_by(int way)
{
	struct kaio_event event;

	if (way == 0)
		return kaio_queue_reap(queue, &event, 1) == 1;
	if (way == 1)
		return kaio_queue_wait(queue, &event, 1, 1, 0) == 1;
	kaio_queue_run(queue, 0, 0);
	return called;
}

/* An event loop, which does nothing until the eventfd is readable. */
static void loop_through_shortage(uint32_t flags, int error, unsigned times,
				  int way)
{
	struct kaio_iocb endless;
	struct kaio_op op = { .complete = count };
	unsigned rounds = 0;

	called = 0;
	queue = threads_queue(flags | KAIO_QUEUE_EVENTFD, 4, 4, 0);
	fixture_endless(&endless);
	ck_assert_ok(kaio_queue_push(queue, &endless));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	fixture_good(&op.iocb);
	ck_assert_ok(kaio_queue_push(queue, &op.iocb));
	faults_fail(SYS_io_submit, error, times);
	ck_assert_ok(kaio_queue_submit(queue));
	do {
		ck_assert(is_readable());
		ck_assert_uint_le(++rounds, times + 1);
	} while (!collect_by(way));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(an_event_loop_is_told_to_try_again)
{
	const uint32_t sets[] = { 0, KAIO_QUEUE_WAKE, KAIO_QUEUE_SHARED,
				  KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE };
	unsigned times;
	size_t set, i;
	int way;

	for (set = 0; set < COUNT(sets); set++)
		for (i = 0; i < COUNT(errors); i++)
			for (times = 1; times <= 3; times++)
				for (way = 0; way < 3; way++)
					loop_through_shortage(sets[set],
							      errors[i], times,
							      way);
}
END_TEST

static void submit_in_vain(unsigned times, int error)
{
	faults_fail(SYS_io_submit, error, times);
	while (times--)
		ck_assert_ok(kaio_queue_submit(queue));
}

START_TEST(tries_of_a_cancelled_head_are_not_the_next_one_s)
{
	struct kaio_event events[2];
	struct kaio_iocb iocbs[2];
	size_t i;

	for (i = 0; i < COUNT(errors); i++) {
		queue = fixture_queue(4, 8);
		fixture_good(&iocbs[0]);
		fixture_good(&iocbs[1]);
		ck_assert_ok(kaio_queue_push(queue, &iocbs[0]));
		submit_in_vain(TRIES - 1, errors[i]);
		ck_assert_ok(kaio_queue_cancel(queue, &iocbs[0]));
		ck_assert_ok(kaio_queue_push(queue, &iocbs[1]));
		submit_in_vain(TRIES - 1, errors[i]);
		ck_assert_int_eq(kaio_queue_wait(queue, events, 2, 2, 0), 2);
		ck_assert_int_eq(events[0].res, -ECANCELED);
		ck_assert_int_eq(events[1].res, 1);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(tries_of_the_head_are_kept_when_another_is_cancelled)
{
	struct kaio_event events[2];
	struct kaio_iocb iocbs[2];
	size_t i;

	for (i = 0; i < COUNT(errors); i++) {
		queue = fixture_queue(4, 8);
		fixture_good(&iocbs[0]);
		fixture_good(&iocbs[1]);
		fixture_push(queue, iocbs, 2);
		submit_in_vain(TRIES - 1, errors[i]);
		ck_assert_ok(kaio_queue_cancel(queue, &iocbs[1]));
		submit_in_vain(1, errors[i]);
		ck_assert_int_eq(kaio_queue_wait(queue, events, 2, 2, 0), 2);
		ck_assert_int_eq(events[0].res, -ECANCELED);
		ck_assert_int_eq(events[1].res, -errors[i]);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

static int shortage; /* errno */
static unsigned failed;

static int fail_submits(long number, long *arguments)
{
	int error = __atomic_load_n(&shortage, __ATOMIC_RELAXED);

	(void)arguments;
	if (number != SYS_io_submit || !error)
		return 0;
	__atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
	return error;
}

/* The wakeup cannot be armed again after the first wake. */
static void wake_twice_in_shortage(enum way way, int error)
{
	struct waiter waiters[2];
	int first;

	failed = 0;
	queue = threads_queue(KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE, 4, 0, 0);
	threads_start(&waiters[0], queue, BY_WAIT);
	threads_start(&waiters[1], queue, way);
	threads_sleep(queue, 2);
	__atomic_store_n(&shortage, error, __ATOMIC_RELAXED);
	faults_before_call(fail_submits);
	ck_assert_ok(kaio_queue_wake(queue));
	for (first = 0; pthread_tryjoin_np(waiters[first].thread, NULL);
	     first = !first)
		sched_yield();
	while (__atomic_load_n(&failed, __ATOMIC_RELAXED) == 0)
		sched_yield();
	ck_assert_ok(kaio_queue_wake(queue));
	threads_join(&waiters[!first]);
	ck_assert(!waiters[!first].cancelled);
	__atomic_store_n(&shortage, 0, __ATOMIC_RELAXED);
	faults_before_call(NULL);
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(no_wake_is_lost_while_the_wakeup_cannot_be_armed)
{
	size_t i;

	for (i = 0; i < COUNT(errors); i++) {
		wake_twice_in_shortage(BY_WAIT, errors[i]);
		wake_twice_in_shortage(BY_RUN, errors[i]);
		wake_twice_in_shortage(BY_TRANSFER_WAIT, errors[i]);
	}
}
END_TEST

/* What another thread pushes, and the kernel has no memory for at first. */
static void submit_beside(enum way way, int error, bool busy)
{
	struct kaio_op endless = { .complete = NULL };
	struct kaio_op op = { .complete = count };
	struct waiter waiter;

	called = 0;
	queue = threads_queue(KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE, 4, 0, 0);
	fixture_endless(&endless.iocb);
	if (busy) {
		ck_assert_ok(kaio_queue_push(queue, &endless.iocb));
		ck_assert_int_eq(kaio_queue_submit(queue), 1);
	}
	threads_start(&waiter, queue, way);
	threads_sleep(queue, 1);
	fixture_good(&op.iocb);
	ck_assert_ok(kaio_queue_push(queue, &op.iocb));
	faults_fail(SYS_io_submit, error, 1);
	ck_assert_ok(kaio_queue_submit(queue));
	threads_join(&waiter);
	ck_assert_int_eq(waiter.ret, 1);
	if (way == BY_WAIT)
		ck_assert_ptr_eq(kaio_event_iocb(&waiter.event), &op.iocb);
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(a_thread_that_sleeps_submits_what_another_one_could_not)
{
	size_t i;
	int busy;

	for (i = 0; i < COUNT(errors); i++)
		for (busy = 0; busy < 2; busy++) {
			submit_beside(BY_WAIT, errors[i], busy);
			submit_beside(BY_RUN, errors[i], busy);
		}
}
END_TEST

Suite *suite_queue_memory(void)
{
	const TTest *tests[] = {
		an_event_loop_is_told_to_try_again,
		tries_of_a_cancelled_head_are_not_the_next_one_s,
		tries_of_the_head_are_kept_when_another_is_cancelled,
		no_wake_is_lost_while_the_wakeup_cannot_be_armed,
		a_thread_that_sleeps_submits_what_another_one_could_not,
	};

	return harness_both_ways("queue: memory", tests, COUNT(tests));
}
