/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: how io_getevents and io_pgetevents wait. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

/* Not const in libaio's prototypes. */
static struct timespec none;
static struct timespec second = { 1, 0 };

START_TEST(no_more_come_than_asked_for)
{
	io_context_t ctx = libaio_context(8);
	struct io_event events[8];
	size_t i;

	for (i = 0; i < LIBAIO_WAITERS; i++) {
		memset(events, 0x55, sizeof(events));
		libaio_submit_good(ctx, 0, 8);
		ck_assert_call(libaio_waiters[i](ctx, 0, 0, NULL, NULL), 0);
		ck_assert_call(libaio_waiters[i](ctx, 0, 0, NULL, &none), 0);
		ck_assert_call(libaio_waiters[i](ctx, 0, 0, NULL, &second), 0);
		ck_assert_call(libaio_waiters[i](ctx, 0, 1, events, NULL), 1);
		ck_assert_call(libaio_waiters[i](ctx, 1, 1, events + 1, &none),
			       1);
		ck_assert_call(
			libaio_waiters[i](ctx, 2, 2, events + 2, &second), 2);
		ck_assert_uint_eq((size_t)events[3].data, 3);
		ck_assert_int_eq((long)events[4].res, (long)events[7].res);
		ck_assert_call(libaio_waiters[i](ctx, 1, 8, events + 4, NULL),
			       4);
		ck_assert_uint_eq((size_t)events[7].data, 7);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(without_an_array_it_is_efault_and_nothing_is_lost)
{
	io_context_t ctx = libaio_context(8);
	struct io_event event;
	size_t i;

	for (i = 0; i < LIBAIO_WAITERS; i++) {
		libaio_submit_good(ctx, i, 1);
		ck_assert_call(libaio_waiters[i](ctx, 0, 4, NULL, &none),
			       -EFAULT);
		ck_assert_call(libaio_waiters[i](ctx, 1, 4, NULL, NULL),
			       -EFAULT);
		ck_assert_call(libaio_waiters[i](ctx, 1, 1, &event, NULL), 1);
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

	for (i = 0; i < LIBAIO_WAITERS; i++) {
		ck_assert_call(libaio_waiters[i](ctx, 0, 1, &event, NULL), 0);
		ck_assert_call(libaio_waiters[i](ctx, 0, 1, &event, &none), 0);
		ck_assert_call(libaio_waiters[i](ctx, 0, 1, &event, &decade),
			       0);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(numbers_are_checked)
{
	io_context_t ctx = libaio_context(4);
	struct io_event events[4];
	size_t i;

	for (i = 0; i < LIBAIO_WAITERS; i++) {
		libaio_submit_good(ctx, 0, 1);
		ck_assert_call(libaio_waiters[i](ctx, 5, 4, events, NULL),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](ctx, 5, 4, events, &none),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](ctx, 5, 4, events, &second),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](ctx, 0, -1, events, NULL),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](ctx, 0, -1, events, &none),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](ctx, -1, 4, events, NULL),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](ctx, 0, 4, events, NULL), 1);
		ck_assert_call(libaio_waiters[i](ctx, 5, 4, events, NULL),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](ctx, 0, -1, events, NULL),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](ctx, 5, 4, events, &second),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](NULL, 0, 4, events, NULL),
			       -EINVAL);
		ck_assert_call(libaio_waiters[i](NULL, 0, 4, events, &none),
			       -EINVAL);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* Programs rely on it. It needs the ring. */
START_TEST(nothing_is_checked_without_a_wait_or_an_event)
{
	int expected = harness_has_ring() || libaio_is_foreign() ? 0 : -EINVAL;
	io_context_t ctx = libaio_context(4);
	size_t i;

	for (i = 0; i < LIBAIO_WAITERS; i++) {
		ck_assert_call(libaio_waiters[i](ctx, 5, 4, NULL, &none),
			       expected);
		ck_assert_call(libaio_waiters[i](ctx, 0, -1, NULL, &none),
			       expected);
		ck_assert_call(libaio_waiters[i](ctx, -1, 4, NULL, &none),
			       expected);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

static int endless[3];

/* With pauses in which the waiter can begin, spin and sleep. */
static void *signal_eventfds(void *unused)
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

	for (i = 0; i < 2 * LIBAIO_WAITERS; i++) {
		for (j = 0; j < COUNT(iocbs); j++) {
			struct iocb *list[] = { &iocbs[j] };

			endless[j] = libaio_endless(&iocbs[j], 10 + j);
			ck_assert_call(io_submit(ctx, 1, list), 1);
		}
		libaio_submit_good(ctx, 9, 1);
		ck_assert_ok(
			pthread_create(&thread, NULL, signal_eventfds, NULL));
		ck_assert_call(libaio_waiters[i / 2](ctx, 4, 8, events,
						     i % 2 ? &hour : NULL),
			       4);
		for (j = 0; j < 4; j++)
			ck_assert_uint_eq((size_t)events[j].data, 9 + j);
		ck_assert_ok(pthread_join(thread, NULL));
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

Suite *suite_libaio_wait(void)
{
	const TTest *tests[] = {
		no_more_come_than_asked_for,
		without_an_array_it_is_efault_and_nothing_is_lost,
		with_min_nr_0_there_is_no_wait,
		numbers_are_checked,
		nothing_is_checked_without_a_wait_or_an_event,
		a_wait_for_several_lasts_until_they_are_there,
	};

	return libaio_suite("libaio: wait", tests, COUNT(tests));
}
