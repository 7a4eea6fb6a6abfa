/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: watching the ring before a sleep, for spin_ns. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "queue/queue.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#define LONG INT64_MAX

static struct kaio_queue *queue;
static struct kaio_op op;
static unsigned reads_of_clock;
static int64_t start, slept;

static int64_t monotonic(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void ignore(struct kaio_op *unused, int64_t res)
{
	(void)unused;
	(void)res;
}

/* It completes when the thread that waits for it goes to sleep. */
static void complete_at_sleep(void)
{
	reads_of_clock = faults_clock_reads;
	slept = monotonic();
	threads_end_poll(&op);
}

static void sleep_after(int64_t spin_ns, uint32_t flags)
{
	struct kaio_event event;

	queue = threads_queue(flags, 4, 0, spin_ns);
	threads_push_poll(queue, &op);
	faults_before_getevents(complete_at_sleep);
	start = monotonic();
	faults_clock_reads = 0;
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	faults_before_getevents(NULL);
	ck_assert_ok(kaio_queue_destroy(queue));
}

static const uint32_t flag_sets[] = {
	0,
	KAIO_QUEUE_WAKE,
	KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED,
	KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE,
};

START_TEST(it_sleeps_when_it_has_spun_for_so_long)
{
	const int64_t spins[] = { 1, 1000, 3000000 };
	size_t set, i;

	for (set = 0; set < COUNT(flag_sets); set++) {
		for (i = 0; i < COUNT(spins); i++) {
			sleep_after(spins[i], flag_sets[set]);
			if (harness_has_ring())
				ck_assert_int_ge(slept - start, spins[i]);
		}
	}
}
END_TEST

START_TEST(with_0_it_sleeps_at_once)
{
	size_t set;

	for (set = 0; set < COUNT(flag_sets); set++) {
		sleep_after(0, flag_sets[set]);
		ck_assert_uint_eq(reads_of_clock, 0);
	}
}
END_TEST

START_TEST(a_negative_time_is_refused)
{
	const struct kaio_queue_params params = { .spin_ns = -1 };

	ck_assert_int_eq(kaio_queue_create(&queue, 4, &params), -EINVAL);
}
END_TEST

static int fail_the_test(long number, long *arguments)
{
	ck_assert_msg(!faults_may_sleep(number, arguments), "it sleeps");
	return 0;
}

static void start_to_spin(struct waiter *waiter, uint32_t flags, enum way way)
{
	queue = threads_queue(flags, 4, 4, LONG);
	op.complete = ignore;
	if (way != BY_TRANSFER_WAIT)
		threads_push_poll(queue, &op);
	faults_before_call(fail_the_test);
	threads_start(waiter, queue, way);
	threads_spin(queue);
}

static void end(struct waiter *waiter, int ret)
{
	threads_join(waiter);
	ck_assert_int_eq(waiter->ret, ret);
	faults_before_call(NULL);
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(a_completion_ends_it)
{
	struct waiter waiter;

	if (!harness_has_ring())
		SKIP("it takes the ring");
	start_to_spin(&waiter, KAIO_QUEUE_SHARED, BY_WAIT);
	threads_end_poll(&op);
	end(&waiter, 1);
	start_to_spin(&waiter, KAIO_QUEUE_SHARED, BY_RUN);
	threads_end_poll(&op);
	end(&waiter, 1);
	start_to_spin(&waiter, KAIO_QUEUE_SHARED, BY_DRAIN);
	threads_end_poll(&op);
	end(&waiter, 0);
}
END_TEST

START_TEST(a_wake_ends_it)
{
	const uint32_t flags = KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE;
	struct waiter waiter;

	if (!harness_has_ring())
		SKIP("it takes the ring");
	start_to_spin(&waiter, flags, BY_WAIT);
	ck_assert_ok(kaio_queue_wake(queue));
	end(&waiter, 0);
	start_to_spin(&waiter, flags, BY_RUN);
	ck_assert_ok(kaio_queue_wake(queue));
	end(&waiter, 0);
	start_to_spin(&waiter, flags, BY_TRANSFER_WAIT);
	ck_assert_ok(kaio_queue_wake(queue));
	end(&waiter, -EINPROGRESS);
}
END_TEST

START_TEST(an_operation_that_another_thread_has_rejected_ends_it)
{
	struct waiter waiter;
	struct kaio_iocb bad;

	if (!harness_has_ring())
		SKIP("it takes the ring");
	fixture_bad(&bad);
	start_to_spin(&waiter, KAIO_QUEUE_SHARED, BY_WAIT);
	ck_assert_ok(kaio_queue_push(queue, &bad));
	ck_assert_ok(kaio_queue_submit(queue));
	end(&waiter, 1);
	ck_assert_ptr_eq(kaio_event_iocb(&waiter.event), &bad);
}
END_TEST

START_TEST(another_thread_that_collects_all_ends_it)
{
	struct kaio_event event;
	struct waiter waiter;
	int reaped = 0;

	if (!harness_has_ring())
		SKIP("it takes the ring");
	start_to_spin(&waiter, KAIO_QUEUE_SHARED, BY_DRAIN);
	threads_end_poll(&op);
	while (reaped == 0)
		reaped = kaio_queue_reap(queue, &event, 1);
	end(&waiter, 0);
}
END_TEST

START_TEST(the_deadline_ends_it)
{
	struct kaio_event event;
	size_t set;

	for (set = 0; set < COUNT(flag_sets); set++) {
		queue = threads_queue(flag_sets[set], 4, 0, LONG);
		threads_push_poll(queue, &op);
		start = monotonic();
		ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, 1000000),
				 0);
		ck_assert_int_ge(monotonic() - start, 1000000);
		ck_assert_int_eq(kaio_queue_drain(queue, 1000000), -ETIMEDOUT);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

Suite *suite_queue_spin(void)
{
	const TTest *tests[] = {
		it_sleeps_when_it_has_spun_for_so_long,
		with_0_it_sleeps_at_once,
		a_negative_time_is_refused,
		a_completion_ends_it,
		a_wake_ends_it,
		an_operation_that_another_thread_has_rejected_ends_it,
		another_thread_that_collects_all_ends_it,
		the_deadline_ends_it,
	};

	return harness_both_ways("queue: spin", tests, COUNT(tests));
}
