/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: threads that submit to and collect from one context. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#define REAPERS 8
#define SUBMITTERS 4
#define BATCH 8

/* Of operations that only wake a reaper. */
#define NO_NUMBER SIZE_MAX

static struct timespec none;
static io_context_t shared;
static struct tally tally;
static size_t next_number;
static bool over;

static bool is_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_ACQUIRE);
}

/* Submits the rest of a batch again until all of it is in flight. */
static void submit_all(struct iocb **list, long nr)
{
	while (nr) {
		int ret = io_submit(shared, nr, list);

		if (ret == -EAGAIN) {
			sched_yield();
			continue;
		}
		ck_assert_int_gt(ret, 0);
		list += ret;
		nr -= ret;
	}
}

static void *submit_numbers(void *unused)
{
	(void)unused;
	for (;;) {
		size_t number = __atomic_fetch_add(&next_number, BATCH,
						   __ATOMIC_RELAXED);
		struct iocb iocbs[BATCH];
		struct iocb *list[BATCH];
		long nr;

		for (nr = 0; nr < BATCH && number < tally.nr; nr++) {
			libaio_good(&iocbs[nr], number++);
			list[nr] = &iocbs[nr];
		}
		if (!nr)
			return NULL;
		submit_all(list, nr);
	}
}

/* Each reaper uses the functions in another order. */
static void *collect_numbers(void *argument)
{
	size_t habit = (size_t)argument;
	unsigned turn = 0;

	while (!is_over()) {
		struct timespec shortly = { 0, 20000 + 10000 * (long)habit };
		struct io_event events[BATCH];
		long nr = 1 + (long)(turn * 3 % BATCH);
		int ret;

		turn += 1 + (unsigned)habit % 3;
		switch (turn % 5) {
		case 0:
			ret = io_getevents(shared, 0, nr, events, &none);
			break;
		case 1:
			ret = io_getevents(shared, 1, nr, events, NULL);
			break;
		case 2:
			ret = io_getevents(shared, nr, nr, events, &shortly);
			break;
		case 3:
			ret = io_pgetevents(shared, 1, nr, events, &shortly,
					    NULL);
			break;
		default:
			ret = io_getevents(shared, 0, nr, events, NULL);
			break;
		}
		ck_assert_int_ge(ret, ret == -EINTR ? -EINTR : 0);
		while (ret > 0 && (size_t)events[ret - 1].data == NO_NUMBER)
			ret--;
		tally_add(&tally, events, ret);
		if (ret == 0)
			sched_yield();
	}
	return NULL;
}

/* Wakes each with an operation, until all have ended. */
static void end_reapers(pthread_t *reapers)
{
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	size_t i;

	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (i = 0; i < REAPERS; i++) {
		while (pthread_tryjoin_np(reapers[i], NULL) == EBUSY) {
			libaio_good(&iocb, NO_NUMBER);
			(void)io_submit(shared, 1, list);
			sched_yield();
		}
	}
}

START_TEST(eight_reapers_get_what_four_submit_once)
{
	size_t otherwise = harness_is_under_valgrind() ? 5000 : 70000;
	pthread_t reapers[REAPERS];
	pthread_t submitters[SUBMITTERS];
	size_t i;

	shared = libaio_context(64);
	tally_begin(&tally, libaio_amount("KAIO_TEST_OPS", otherwise));
	for (i = 0; i < REAPERS; i++)
		ck_assert_ok(pthread_create(&reapers[i], NULL, collect_numbers,
					    (void *)i));
	for (i = 0; i < SUBMITTERS; i++)
		ck_assert_ok(pthread_create(&submitters[i], NULL,
					    submit_numbers, NULL));
	for (i = 0; i < SUBMITTERS; i++)
		ck_assert_ok(pthread_join(submitters[i], NULL));
	while (tally_total(&tally) < tally.nr)
		sched_yield();
	end_reapers(reapers);
	tally_end(&tally);
	ck_assert_call(io_destroy(shared), 0);
}
END_TEST

/* As many waits as completions: all end. */
static void *collect_one_each(void *unused)
{
	size_t i;

	(void)unused;
	for (i = 0; i < 500; i++) {
		struct io_event event;

		ck_assert_int_eq(io_getevents(shared, 1, 1, &event, NULL), 1);
		tally_add(&tally, &event, 1);
	}
	return NULL;
}

START_TEST(each_completion_ends_a_wait)
{
	pthread_t reapers[REAPERS];
	size_t submitted, i;

	shared = libaio_context(64);
	tally_begin(&tally, (size_t)REAPERS * 500);
	for (i = 0; i < REAPERS; i++)
		ck_assert_ok(pthread_create(&reapers[i], NULL, collect_one_each,
					    NULL));
	for (submitted = 0; submitted < tally.nr; submitted++) {
		libaio_submit_good(shared, submitted, 1);
		/* One at a time, so that all reapers wait. */
		while (submitted % 4 == 0 && tally_total(&tally) <= submitted)
			sched_yield();
		while (submitted + 1 - tally_total(&tally) > 60)
			sched_yield();
	}
	for (i = 0; i < REAPERS; i++)
		ck_assert_ok(pthread_join(reapers[i], NULL));
	tally_end(&tally);
	ck_assert_call(io_destroy(shared), 0);
}
END_TEST

/* Contexts are set up and destroyed while others are used. */
static void *live(void *unused)
{
	unsigned generation;

	(void)unused;
	for (generation = 0; generation < 8; generation++) {
		io_context_t ctx = libaio_context(1);
		struct tally own;
		size_t i = 0;

		tally_begin(&own, 2000);
		while (i < own.nr) {
			struct io_event events[BATCH];
			size_t nr = 1 + i % BATCH;

			if (nr > own.nr - i)
				nr = own.nr - i;
			libaio_submit_good(ctx, i, nr);
			i += nr;
			ck_assert_int_eq(io_getevents(ctx, (long)nr, BATCH,
						      events, NULL),
					 (int)nr);
			tally_add(&own, events, (int)nr);
		}
		tally_end(&own);
		ck_assert_call(io_destroy(ctx), 0);
	}
	return NULL;
}

START_TEST(threads_set_up_and_destroy_contexts_beside_each_other)
{
	pthread_t threads[8];
	size_t i;

	for (i = 0; i < COUNT(threads); i++)
		ck_assert_ok(pthread_create(&threads[i], NULL, live, NULL));
	for (i = 0; i < COUNT(threads); i++)
		ck_assert_ok(pthread_join(threads[i], NULL));
}
END_TEST

Suite *suite_libaio_threads(void)
{
	const TTest *tests[] = {
		eight_reapers_get_what_four_submit_once,
		each_completion_ends_a_wait,
		threads_set_up_and_destroy_contexts_beside_each_other,
	};

	return libaio_suite("libaio: threads", tests, COUNT(tests));
}
