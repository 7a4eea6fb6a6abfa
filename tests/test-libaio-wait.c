/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: how io_getevents and io_pgetevents wait. */
#include "libaio-fixture.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

/* Not const: libaio's prototypes say that it might be written. */
static struct timespec none;
static struct timespec second = { 1, 0 };

typedef int (*waiter)(io_context_t ctx, long min_nr, long nr,
		      struct io_event *events, struct timespec *timeout);

static int without_mask(io_context_t ctx, long min_nr, long nr,
			struct io_event *events, struct timespec *timeout)
{
	return io_pgetevents(ctx, min_nr, nr, events, timeout, NULL);
}

static int with_mask(io_context_t ctx, long min_nr, long nr,
		     struct io_event *events, struct timespec *timeout)
{
	sigset_t mask;

	ck_assert_ok(sigprocmask(SIG_SETMASK, NULL, &mask));
	return io_pgetevents(ctx, min_nr, nr, events, timeout, &mask);
}

static const waiter waiters[] = { io_getevents, without_mask, with_mask };

/* Asserts that nothing wrote to the timeout, either. */
static int wait_for(waiter wait, io_context_t ctx, long min_nr, long nr,
		    struct io_event *events, struct timespec timeout)
{
	const struct timespec before = timeout;
	int ret = CALL(wait(ctx, min_nr, nr, events, &timeout));

	ck_assert_int_eq(timeout.tv_sec, before.tv_sec);
	ck_assert_int_eq(timeout.tv_nsec, before.tv_nsec);
	return ret;
}

static long long nanoseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

START_TEST(a_wait_lasts_as_long_as_its_timeout)
{
	static const long times[] = {
		1, 1000, 40000, 60000, 1000000, 20000000
	};
	io_context_t ctx = libaio_context(1);
	struct io_event event;
	size_t i, j;

	for (i = 0; i < COUNT(waiters); i++) {
		for (j = 0; j < COUNT(times); j++) {
			struct timespec timeout = { 0, times[j] };
			long long start = nanoseconds();

			ck_assert_int_eq(wait_for(waiters[i], ctx, 1, 1, &event,
						  timeout),
					 0);
			ck_assert_int_ge(nanoseconds() - start, times[j]);
		}
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_timeout_brings_what_there_is)
{
	static const struct timespec times[] = { { 0, 0 }, { 0, 1000000 } };
	io_context_t ctx = libaio_context(4);
	struct io_event events[4];
	size_t i, j;

	for (i = 0; i < COUNT(waiters); i++) {
		for (j = 0; j < COUNT(times); j++) {
			libaio_submit_good(ctx, 70 + i, 2);
			ck_assert_int_eq(wait_for(waiters[i], ctx, 3, 4, events,
						  times[j]),
					 2);
			ck_assert_uint_eq((size_t)events[0].data, 70 + i);
			ck_assert_uint_eq((size_t)events[1].data, 71 + i);
		}
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(no_more_come_than_asked_for)
{
	io_context_t ctx = libaio_context(8);
	struct io_event events[8];
	size_t i;

	for (i = 0; i < COUNT(waiters); i++) {
		memset(events, 0x55, sizeof(events));
		libaio_submit_good(ctx, 0, 8);
		ck_assert_call(waiters[i](ctx, 0, 0, NULL, NULL), 0);
		ck_assert_call(waiters[i](ctx, 0, 0, NULL, &none), 0);
		ck_assert_call(waiters[i](ctx, 0, 0, NULL, &second), 0);
		ck_assert_call(waiters[i](ctx, 0, 1, events, NULL), 1);
		ck_assert_call(waiters[i](ctx, 1, 1, events + 1, &none), 1);
		ck_assert_call(waiters[i](ctx, 2, 2, events + 2, &second), 2);
		ck_assert_uint_eq((size_t)events[3].data, 3);
		ck_assert_int_eq((long)events[4].res, (long)events[7].res);
		ck_assert_call(waiters[i](ctx, 1, 8, events + 4, NULL), 4);
		ck_assert_uint_eq((size_t)events[7].data, 7);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(without_an_array_there_is_efault_and_nothing_is_lost)
{
	io_context_t ctx = libaio_context(8);
	struct io_event event;
	size_t i;

	for (i = 0; i < COUNT(waiters); i++) {
		libaio_submit_good(ctx, i, 1);
		ck_assert_call(waiters[i](ctx, 0, 4, NULL, &none), -EFAULT);
		ck_assert_call(waiters[i](ctx, 1, 4, NULL, NULL), -EFAULT);
		ck_assert_call(waiters[i](ctx, 1, 1, &event, NULL), 1);
		ck_assert_uint_eq((size_t)event.data, i);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(with_min_nr_0_there_is_no_wait)
{
	io_context_t ctx = libaio_context(1);
	struct timespec decade = { 3600L * 24 * 3652, 0 };
	struct io_event event;
	size_t i;

	for (i = 0; i < COUNT(waiters); i++) {
		ck_assert_call(waiters[i](ctx, 0, 1, &event, NULL), 0);
		ck_assert_call(waiters[i](ctx, 0, 1, &event, &none), 0);
		ck_assert_call(waiters[i](ctx, 0, 1, &event, &decade), 0);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(numbers_are_checked)
{
	io_context_t ctx = libaio_context(4);
	struct io_event events[4];
	size_t i;

	for (i = 0; i < COUNT(waiters); i++) {
		libaio_submit_good(ctx, 0, 1);
		ck_assert_call(waiters[i](ctx, 5, 4, events, NULL), -EINVAL);
		ck_assert_call(waiters[i](ctx, 5, 4, events, &none), -EINVAL);
		ck_assert_call(waiters[i](ctx, 5, 4, events, &second), -EINVAL);
		ck_assert_call(waiters[i](ctx, 0, -1, events, NULL), -EINVAL);
		ck_assert_call(waiters[i](ctx, 0, -1, events, &none), -EINVAL);
		ck_assert_call(waiters[i](ctx, -1, 4, events, NULL), -EINVAL);
		ck_assert_call(waiters[i](ctx, 0, 4, events, NULL), 1);
		ck_assert_call(waiters[i](ctx, 5, 4, events, NULL), -EINVAL);
		ck_assert_call(waiters[i](ctx, 0, -1, events, NULL), -EINVAL);
		ck_assert_call(waiters[i](ctx, 5, 4, events, &second), -EINVAL);
		ck_assert_call(waiters[i](NULL, 0, 4, events, NULL), -EINVAL);
		ck_assert_call(waiters[i](NULL, 0, 4, events, &none), -EINVAL);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* Kept on purpose: programs rely on it without knowing. It needs the ring. */
START_TEST(nothing_is_checked_where_nothing_is_waited_for_or_there)
{
	int expected = harness_has_ring() || libaio_is_foreign() ? 0 : -EINVAL;
	io_context_t ctx = libaio_context(4);
	size_t i;

	for (i = 0; i < COUNT(waiters); i++) {
		ck_assert_call(waiters[i](ctx, 5, 4, NULL, &none), expected);
		ck_assert_call(waiters[i](ctx, 0, -1, NULL, &none), expected);
		ck_assert_call(waiters[i](ctx, -1, 4, NULL, &none), expected);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_timeout_of_many_nanoseconds_is_taken)
{
	io_context_t ctx = libaio_context(1);
	struct timespec timeout = { 0, 1010000000 };
	long long start = nanoseconds();
	struct io_event event;

	ck_assert_call(io_getevents(ctx, 1, 1, &event, &timeout), 0);
	ck_assert_int_ge(nanoseconds() - start, timeout.tv_nsec);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals = signals + 1;
}

/* What the kernel does with them, and libaio leaves to it. */
START_TEST(a_negative_or_huge_timeout_waits_for_ever)
{
	static const struct timespec times[] = {
		{ -1, 0 },
		{ 0, -1 },
		{ sizeof(time_t) == 8 ? (time_t)INT64_MAX : INT32_MAX,
		  999999999 },
	};
	struct sigaction action = { .sa_handler = count_signal };
	struct itimerval soon = { { 0, 0 }, { 0, 5000 } };
	io_context_t ctx = libaio_context(1);
	struct io_event event;
	size_t i, j;

	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	for (i = 0; i < COUNT(waiters); i++) {
		for (j = 0; j < COUNT(times); j++) {
			libaio_submit_good(ctx, 0, 1);
			ck_assert_int_eq(wait_for(waiters[i], ctx, 1, 1, &event,
						  times[j]),
					 1);
			signals = 0;
			ck_assert_ok(setitimer(ITIMER_REAL, &soon, NULL));
			ck_assert_int_eq(wait_for(waiters[i], ctx, 1, 1, &event,
						  times[j]),
					 -EINTR);
			ck_assert_int_eq(signals, 1);
		}
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

static int endless[3];

/* The last only when the waiter has had time to begin, spin and sleep. */
static void *ring_them(void *unused)
{
	const struct timespec pause = { 0, 2000000 };
	const uint64_t one = 1;
	size_t i;

	(void)unused;
	for (i = 0; i < COUNT(endless); i++) {
		ck_assert_ok(nanosleep(&pause, NULL));
		ck_assert_int_eq(write(endless[i], &one, sizeof(one)),
				 sizeof(one));
	}
	return NULL;
}

START_TEST(a_wait_for_several_lasts_until_they_are_there)
{
	io_context_t ctx = libaio_context(8);
	struct timespec hour = { 3600, 0 };
	struct iocb iocbs[COUNT(endless)];
	struct io_event events[8];
	pthread_t thread;
	size_t i, j;

	for (i = 0; i < 2 * COUNT(waiters); i++) {
		for (j = 0; j < COUNT(iocbs); j++) {
			struct iocb *list[] = { &iocbs[j] };

			endless[j] = libaio_endless(&iocbs[j], 10 + j);
			ck_assert_call(io_submit(ctx, 1, list), 1);
		}
		libaio_submit_good(ctx, 9, 1);
		ck_assert_ok(pthread_create(&thread, NULL, ring_them, NULL));
		ck_assert_call(
			waiters[i / 2](ctx, 4, 8, events, i % 2 ? &hour : NULL),
			4);
		for (j = 0; j < 4; j++)
			ck_assert_uint_eq((size_t)events[j].data, 9 + j);
		ck_assert_ok(pthread_join(thread, NULL));
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_wait_lasts_as_long_as_its_timeout,
		a_timeout_brings_what_there_is,
		no_more_come_than_asked_for,
		without_an_array_there_is_efault_and_nothing_is_lost,
		with_min_nr_0_there_is_no_wait,
		numbers_are_checked,
		nothing_is_checked_where_nothing_is_waited_for_or_there,
		a_timeout_of_many_nanoseconds_is_taken,
		a_negative_or_huge_timeout_waits_for_ever,
		a_wait_for_several_lasts_until_they_are_there,
	};

	return libaio_run("libaio: wait", tests, COUNT(tests));
}
