/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: ending a wait, and how a queue sleeps. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static struct kaio_queue *create(uint32_t flags, int64_t spin_ns)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .spin_ns = spin_ns };
	struct kaio_queue *queue;

	ck_assert_ok(kaio_queue_create(&queue, 4, &params));
	return queue;
}

START_TEST(a_wake_before_the_wait_ends_it)
{
	struct kaio_queue *queue = create(KAIO_QUEUE_WAKE, 0);
	struct kaio_event event;
	struct kaio_iocb iocb;
	unsigned i;

	fixture_endless(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	for (i = 0; i < 100; i++) {
		/* Many are one. */
		ck_assert_ok(kaio_queue_wake(queue));
		ck_assert_ok(kaio_queue_wake(queue));
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 0);
		ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, 100000),
				 0);
		ck_assert_ok(kaio_queue_wake(queue));
		ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER), 0);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_woken_wait_returns_what_it_has)
{
	struct kaio_queue *queue = create(KAIO_QUEUE_WAKE, 0);
	struct kaio_event events[4];
	struct kaio_iocb iocbs[3];

	fixture_good(&iocbs[0]);
	fixture_good(&iocbs[1]);
	fixture_endless(&iocbs[2]);
	fixture_push(queue, iocbs, 3);
	ck_assert_ok(kaio_queue_wake(queue));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 3, 4, KAIO_FOREVER), 2);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(one_that_does_not_wait_leaves_the_wake_to_the_next)
{
	struct kaio_queue *queue = create(KAIO_QUEUE_WAKE, 0);
	struct kaio_event event;
	struct kaio_iocb iocb;

	fixture_endless(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_ok(kaio_queue_wake(queue));
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 0);
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static sem_t about_to_sleep;

static void post(void)
{
	sem_post(&about_to_sleep);
}

static void *wake_the_sleeper(void *queue)
{
	sem_wait(&about_to_sleep);
	ck_assert_ok(kaio_queue_wake(queue));
	return NULL;
}

START_TEST(another_thread_wakes_a_sleeper)
{
	struct kaio_queue *queue = create(KAIO_QUEUE_WAKE, 0);
	struct kaio_event event;
	struct kaio_iocb iocb;
	unsigned i;

	sem_init(&about_to_sleep, 0, 0);
	fixture_endless(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	for (i = 0; i < 100; i++) {
		pthread_t thread;

		faults_before_getevents(post);
		ck_assert_ok(
			pthread_create(&thread, NULL, wake_the_sleeper, queue));
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 0);
		faults_before_getevents(NULL);
		ck_assert_ok(pthread_join(thread, NULL));
		while (sem_trywait(&about_to_sleep) == 0)
			;
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static struct kaio_queue *queue_of_handler;

static void wake_it(int number)
{
	(void)number;
	kaio_queue_wake(queue_of_handler);
}

START_TEST(a_signal_handler_wakes_the_thread_it_interrupts)
{
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	struct kaio_queue *queue = create(KAIO_QUEUE_WAKE, 0);
	struct sigaction action = { .sa_handler = wake_it };
	struct kaio_event event;
	struct kaio_iocb iocb;
	unsigned i;

	fixture_endless(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	queue_of_handler = queue;
	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	ck_assert_ok(setitimer(ITIMER_REAL, &often, NULL));
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 0);
	fixture_no_signals();
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_drain_leaves_the_wake_to_the_next_wait)
{
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	struct kaio_queue *queue = create(KAIO_QUEUE_WAKE, 0);
	struct sigaction action = { .sa_handler = wake_it };
	struct kaio_event event;
	struct kaio_iocb iocb;

	fixture_endless(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	queue_of_handler = queue;
	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	ck_assert_ok(setitimer(ITIMER_REAL, &often, NULL));
	ck_assert_int_eq(kaio_queue_drain(queue, KAIO_FOREVER), -EINTR);
	fixture_no_signals();
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(the_bell_takes_no_place_and_counts_nowhere)
{
	struct kaio_queue *queue = create(KAIO_QUEUE_WAKE, 0);
	struct kaio_queue_stats stats;
	struct kaio_event events[4];
	struct kaio_iocb iocbs[4];
	size_t i;

	for (i = 0; i < COUNT(iocbs); i++)
		fixture_endless(&iocbs[i]);
	fixture_push(queue, iocbs, COUNT(iocbs));
	ck_assert_int_eq(kaio_queue_submit(queue), 4);
	ck_assert_uint_eq(kaio_queue_depth(queue), 4);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 4);
	ck_assert_ok(kaio_queue_wake(queue));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 4, KAIO_FOREVER), 0);
	ck_assert_ok(kaio_queue_wake(queue));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 4, 4, KAIO_FOREVER), 0);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 4);
	for (i = 0; i < COUNT(iocbs); i++)
		ck_assert_ok(kaio_queue_cancel(queue, &iocbs[i]));
	ck_assert_ok(kaio_queue_wake(queue));
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	ck_assert_int_eq(kaio_queue_reap(queue, events, 4), 4);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.submitted, 4);
	ck_assert_uint_eq(stats.completed, 4);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(without_the_flag_there_is_no_wake)
{
	struct kaio_queue *queue = create(0, 0);

	ck_assert_int_eq(kaio_queue_wake(queue), -EINVAL);
	ck_assert_int_eq(kaio_queue_wake(NULL), -EINVAL);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_kernel_without_polls_has_no_wake)
{
	const struct kaio_queue_params params = { .flags = KAIO_QUEUE_WAKE };
	struct kaio_queue *queue;

	faults_fail(SYS_io_submit, EINVAL, 1);
	ck_assert_int_eq(kaio_queue_create(&queue, 4, &params), -ENOTSUP);
}
END_TEST

static void set_descriptor_limit(rlim_t soft)
{
	struct rlimit limit;

	ck_assert_ok(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = soft;
	ck_assert_ok(setrlimit(RLIMIT_NOFILE, &limit));
}

START_TEST(each_flag_that_takes_a_descriptor_may_find_none)
{
	const uint32_t flags[] = { KAIO_QUEUE_WAKE, KAIO_QUEUE_SHARED,
				   KAIO_QUEUE_EVENTFD };
	struct kaio_queue_params params = { 0 };
	struct kaio_queue *queue;
	struct rlimit limit;
	size_t i;

	for (i = 0; i < COUNT(flags); i++) {
		params.flags = flags[i];
		/* The whole system's table takes root to fill. */
		faults_refuse_eventfd(ENFILE);
		ck_assert_int_eq(kaio_queue_create(&queue, 4, &params),
				 -ENFILE);
		faults_refuse_eventfd(0);
		ck_assert_ok(kaio_queue_create(&queue, 4, &params));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
	ck_assert_ok(getrlimit(RLIMIT_NOFILE, &limit));
	set_descriptor_limit(0);
	for (i = 0; i < COUNT(flags); i++) {
		params.flags = flags[i];
		ck_assert_int_eq(kaio_queue_create(&queue, 4, &params),
				 -EMFILE);
	}
	params.flags = 0;
	ck_assert_ok(kaio_queue_create(&queue, 4, &params));
	ck_assert_ok(kaio_queue_destroy(queue));
	set_descriptor_limit(limit.rlim_cur);
}
END_TEST

START_TEST(shrink_halves_the_depth_until_there_is_room)
{
	struct kaio_queue_params params = { .backlog = 3 };
	struct kaio_queue *queue;
	struct kaio_iocb iocbs[12];
	size_t i;

	faults_fail(SYS_io_setup, EAGAIN, 3);
	ck_assert_int_eq(kaio_queue_create(&queue, 64, &params), -EAGAIN);
	params.flags = KAIO_QUEUE_SHRINK;
	faults_fail(SYS_io_setup, EAGAIN, 3);
	ck_assert_ok(kaio_queue_create(&queue, 64, &params));
	ck_assert_uint_eq(kaio_queue_depth(queue), 8);
	for (i = 0; i < COUNT(iocbs); i++) {
		fixture_good(&iocbs[i]);
		ck_assert_int_eq(kaio_queue_push(queue, &iocbs[i]),
				 i < 11 ? 0 : -ENOBUFS);
	}
	ck_assert_int_eq(kaio_queue_submit(queue), 8);
	ck_assert_ok(kaio_queue_destroy(queue));
	faults_fail(SYS_io_setup, EAGAIN, 1000);
	ck_assert_int_eq(kaio_queue_create(&queue, 64, &params), -EAGAIN);
	faults_fail(SYS_io_setup, ENOMEM, 1);
	ck_assert_int_eq(kaio_queue_create(&queue, 64, &params), -ENOMEM);
}
END_TEST

Suite *suite_queue_wake(void)
{
	const TTest *tests[] = {
		a_wake_before_the_wait_ends_it,
		a_woken_wait_returns_what_it_has,
		one_that_does_not_wait_leaves_the_wake_to_the_next,
		another_thread_wakes_a_sleeper,
		a_signal_handler_wakes_the_thread_it_interrupts,
		a_drain_leaves_the_wake_to_the_next_wait,
		the_bell_takes_no_place_and_counts_nowhere,
		without_the_flag_there_is_no_wake,
		a_kernel_without_polls_has_no_wake,
		each_flag_that_takes_a_descriptor_may_find_none,
		shrink_halves_the_depth_until_there_is_room,
	};

	return harness_both_ways("queue: wake", tests, COUNT(tests));
}
