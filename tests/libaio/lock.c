/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Threads that collect from one context, and destroy it meanwhile. */
#include "harness.h"
#include "suites.h"

#include <libaio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define OPERATIONS 200000
#define SUBMITTERS 2
#define COLLECTORS 4

static io_context_t ctx;
static int ready; /* a file whose poll completes at once */
static unsigned char collected[OPERATIONS];
static unsigned nr_collected;

static void begin(int maxevents)
{
	ctx = NULL;
	ready = open("/dev/zero", O_RDONLY);
	ck_assert_ok(io_setup(maxevents, &ctx));
}

static int submit(size_t operation)
{
	struct iocb iocb;
	struct iocb *list[] = { &iocb };

	io_prep_poll(&iocb, ready, POLLIN);
	iocb.data = (void *)operation;
	return io_submit(ctx, 1, list);
}

static void count(const struct io_event *events, int nr)
{
	while (nr-- > 0)
		__atomic_fetch_add(&collected[(size_t)events++->data], 1,
				   __ATOMIC_RELAXED);
}

/* Not an assertion each: Check writes a line for every one. */
static void all_came_once(size_t operations)
{
	size_t i;

	for (i = 0; i < operations; i++)
		if (collected[i] != 1)
			ck_abort_msg("operation %zu came %d times", i,
				     collected[i]);
}

static void *submitter(void *argument)
{
	size_t i;

	for (i = (size_t)argument; i < OPERATIONS; i += SUBMITTERS) {
		int ret;

		while ((ret = submit(i)) == -EAGAIN)
			sched_yield();
		ck_assert_int_eq(ret, 1);
	}
	return NULL;
}

/* With different timeouts, 0 included, and different numbers of events. */
static void *collector(void *argument)
{
	const size_t own = (size_t)argument;
	unsigned seed = (unsigned)own;

	while (__atomic_load_n(&nr_collected, __ATOMIC_RELAXED) < OPERATIONS) {
		struct timespec timeout = { 0, own ? (long)own * 20000 : 0 };
		struct io_event events[8];
		long min = 1 + rand_r(&seed) % (long)(own + 1);
		int nr = io_getevents(ctx, min, 8, events, &timeout);

		ck_assert(nr >= 0 || nr == -EINTR);
		count(events, nr);
		if (nr > 0)
			__atomic_fetch_add(&nr_collected, (unsigned)nr,
					   __ATOMIC_RELAXED);
	}
	return NULL;
}

START_TEST(threads_collect_from_one_context)
{
	pthread_t threads[SUBMITTERS + COLLECTORS];
	size_t i;

	begin(64);
	for (i = 0; i < COUNT(threads); i++)
		ck_assert_ok(pthread_create(
			threads + i, NULL,
			i < SUBMITTERS ? submitter : collector,
			(void *)(i < SUBMITTERS ? i : i - SUBMITTERS)));
	for (i = 0; i < COUNT(threads); i++)
		ck_assert_ok(pthread_join(threads[i], NULL));
	all_came_once(OPERATIONS);
}
END_TEST

static bool destroyed;

static void *poller(void *argument)
{
	struct timespec none = { 0, 0 };
	struct io_event events[4];
	int ret;

	do {
		ret = io_getevents(ctx, 1, 4, events, &none);
	} while (ret >= 0);
	ck_assert_int_eq(ret, -EINVAL);
	ck_assert(__atomic_load_n(&destroyed, __ATOMIC_RELAXED));
	return argument;
}

START_TEST(a_context_is_destroyed_while_callers_poll_it)
{
	int run;

	for (run = 0; run < 50; run++) {
		pthread_t threads[3];
		size_t i;

		destroyed = false;
		begin(16);
		for (i = 0; i < COUNT(threads); i++)
			ck_assert_ok(pthread_create(threads + i, NULL, poller,
						    NULL));
		for (i = 0; i < (size_t)run; i++)
			ck_assert_int_eq(submit(i), 1);
		__atomic_store_n(&destroyed, true, __ATOMIC_RELAXED);
		ck_assert_ok(io_destroy(ctx));
		for (i = 0; i < COUNT(threads); i++)
			ck_assert_ok(pthread_join(threads[i], NULL));
		close(ready);
	}
}
END_TEST

Suite *suite_libaio_lock(void)
{
	const TTest *tests[] = {
		threads_collect_from_one_context,
		a_context_is_destroyed_while_callers_poll_it,
	};

	return harness_both_ways("libaio-lock", tests, COUNT(tests));
}
