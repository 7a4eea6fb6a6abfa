/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: for how long io_getevents and io_pgetevents wait. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

/* Also asserts that the timeout is not written. */
static int wait_for(libaio_waiter wait, io_context_t ctx, long min_nr, long nr,
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

	for (i = 0; i < LIBAIO_WAITERS; i++) {
		for (j = 0; j < COUNT(times); j++) {
			struct timespec timeout = { 0, times[j] };
			long long start = nanoseconds();

			ck_assert_int_eq(wait_for(libaio_waiters[i], ctx, 1, 1,
						  &event, timeout),
					 0);
			ck_assert_int_ge(nanoseconds() - start, times[j]);
		}
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_timeout_returns_what_there_is)
{
	static const struct timespec times[] = { { 0, 0 }, { 0, 1000000 } };
	io_context_t ctx = libaio_context(4);
	struct io_event events[4];
	size_t i, j;

	for (i = 0; i < LIBAIO_WAITERS; i++) {
		for (j = 0; j < COUNT(times); j++) {
			libaio_submit_good(ctx, 70 + i, 2);
			ck_assert_int_eq(wait_for(libaio_waiters[i], ctx, 3, 4,
						  events, times[j]),
					 2);
			ck_assert_uint_eq((size_t)events[0].data, 70 + i);
			ck_assert_uint_eq((size_t)events[1].data, 71 + i);
		}
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_timeout_of_more_than_a_second_of_nanoseconds_works)
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

/* As the kernel does. */
START_TEST(a_negative_or_huge_timeout_waits_indefinitely)
{
	static const struct timespec times[] = {
		{ -1, 0 },
		{ 0, -1 },
		{ sizeof(time_t) == 8 ? (time_t)INT64_MAX : INT32_MAX,
		  999999999 },
	};
	struct sigaction action = { .sa_handler = count_signal };
	/* Again and again: the first may come before the wait. */
	const struct itimerval soon = { { 0, 5000 }, { 0, 5000 } };
	const struct itimerval never = { 0 };
	io_context_t ctx = libaio_context(1);
	struct io_event event;
	size_t i, j;

	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	for (i = 0; i < LIBAIO_WAITERS; i++) {
		for (j = 0; j < COUNT(times); j++) {
			libaio_submit_good(ctx, 0, 1);
			ck_assert_int_eq(wait_for(libaio_waiters[i], ctx, 1, 1,
						  &event, times[j]),
					 1);
			signals = 0;
			ck_assert_ok(setitimer(ITIMER_REAL, &soon, NULL));
			ck_assert_int_eq(wait_for(libaio_waiters[i], ctx, 1, 1,
						  &event, times[j]),
					 -EINTR);
			ck_assert_ok(setitimer(ITIMER_REAL, &never, NULL));
			ck_assert_int_ge(signals, 1);
		}
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* The kernel's sum wraps; libaio answers a sum of 0 only if both parts are 0.
 */
START_TEST(odd_timeouts_count_as_in_the_kernel)
{
	static const struct timespec times[] = {
		{ -1, 1000000000 },
		{ 1, -1000000000 },
		{ -1, 1001000000 },
#if __SIZEOF_LONG__ == 8
		{ INT64_MIN, 0 },
		{ INT64_MIN, 1000000 },
		{ -18446744074, 290448384 + 1000000 },
#endif
	};
	io_context_t ctx = libaio_context(1);
	struct io_event events[2];
	size_t i, j;

	for (i = 0; i < LIBAIO_WAITERS; i++) {
		for (j = 0; j < COUNT(times); j++) {
			ck_assert_int_eq(wait_for(libaio_waiters[i], ctx, 1, 1,
						  events, times[j]),
					 0);
			ck_assert_int_eq(wait_for(libaio_waiters[i], ctx, 2, 1,
						  events, times[j]),
					 -EINVAL);
		}
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

Suite *suite_libaio_timeout(void)
{
	const TTest *tests[] = {
		a_wait_lasts_as_long_as_its_timeout,
		a_timeout_returns_what_there_is,
		a_timeout_of_more_than_a_second_of_nanoseconds_works,
		a_negative_or_huge_timeout_waits_indefinitely,
		odd_timeouts_count_as_in_the_kernel,
	};

	return libaio_suite("libaio: timeout", tests, COUNT(tests));
}
