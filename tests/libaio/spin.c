/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The libaio drop-in: when a wait watches the ring. What it waits for comes as
 * soon as it looks at the clock for the second time, which it does to watch, or
 * else when it goes to sleep.
 */
#include "spin.h"
#include "calls.h"
#include "clock.h"
#include "faults.h"
#include "suites.h"

#include <libaio.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>

#define REST (SPIN_ROUND - 2 * SPIN_TRIES)

static io_context_t ctx;
static int ready;
static bool came;
static unsigned comes_after = 1;
static int64_t slept; /* nanoseconds that it takes */

static void begin(void)
{
	ctx = NULL;
	ck_assert_call(io_setup(1, &ctx), 0);
	ready = open("/dev/zero", O_RDONLY);
	ck_assert_int_ge(ready, 0);
}

static void end(void)
{
	ck_assert_ok(close(ready));
	ck_assert_call(io_destroy(ctx), 0);
}

/* Of a file whose poll completes at once. */
static void come(void)
{
	struct iocb iocb;
	struct iocb *list[] = { &iocb };

	if (came)
		return;
	came = true;
	io_prep_poll(&iocb, ready, POLLIN);
	ck_assert_int_eq(io_submit(ctx, 1, list), 1);
}

/* Who has watched in vain sleeps no more. */
static void come_late(void)
{
	come();
	if (clock_looks <= 1)
		clock_ns += slept;
}

static bool watches(void)
{
	struct timespec timeout = { 0, 1000000 };
	struct io_event event;

	came = false;
	clock_hook = come;
	clock_hook_after = comes_after;
	clock_looks = 0;
	faults_reset();
	faults_before_getevents(come_late);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &timeout), 1);
	clock_hook = NULL;
	return faults_calls(SYS_io_getevents) == 0;
}

static unsigned watching(unsigned nr)
{
	unsigned n = 0;

	while (nr--)
		n += watches();
	return n;
}

START_TEST(what_was_faster_is_done_until_the_next_round)
{
	begin();
	slept = 30000;
	ck_assert_uint_eq(watching(SPIN_TRIES), 0);
	ck_assert_uint_eq(watching(SPIN_TRIES), SPIN_TRIES);
	ck_assert_uint_eq(watching(REST), REST);
	slept = 0;
	ck_assert_uint_eq(watching(SPIN_TRIES), SPIN_TRIES);
	ck_assert_uint_eq(watching(SPIN_TRIES), 0);
	ck_assert_uint_eq(watching(REST), 0);
	end();
}
END_TEST

START_TEST(the_environment_says_whether_to_watch)
{
	static const struct {
		const char *value;
		unsigned watch;
	} cases[] = { { "1", 0 },
		      { "yes", 0 },
		      { "0", SPIN_ROUND },
		      { "", REST + SPIN_TRIES } };
	size_t i;

	slept = 30000;
	for (i = 0; i < COUNT(cases); i++) {
		ck_assert_ok(setenv("KAIO_NO_SPIN", cases[i].value, 1));
		begin();
		ck_assert_uint_eq(watching(SPIN_ROUND), cases[i].watch);
		end();
	}
}
END_TEST

/* Those count that might have watched, and no others. */
START_TEST(calls_that_do_not_wait_do_not_count)
{
	struct timespec none = { 0, 0 };
	struct io_event event;
	unsigned i;

	begin();
	for (i = 0; i < SPIN_TRIES; i++) {
		ck_assert(!watches());
		ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), 0);
		came = false;
		come();
		ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), 1);
	}
	ck_assert(watches());
	end();
}
END_TEST

/* Then the kernel is asked what there is, with no time left. */
START_TEST(who_watches_in_vain_does_so_no_longer_than_the_timeout)
{
	struct timespec timeout = { 0, 20000 };
	struct io_event event;

	begin();
	slept = 30000;
	watching(2 * SPIN_TRIES);
	faults_reset();
	clock_looks = 0;
	clock_step = 10000;
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &timeout), 0);
	ck_assert_uint_eq(clock_looks, 3);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 0);
	end();
}
END_TEST

/* It takes 60 microseconds, 50 of them with the processor. */
START_TEST(what_is_watched_for_in_vain_counts_twice)
{
	begin();
	comes_after = UINT_MAX;
	clock_step = 10000;
	slept = 100000;
	watching(2 * SPIN_TRIES);
	ck_assert(!watches());
	ck_assert_uint_eq(clock_looks, 0);
	end();
}
END_TEST

Suite *suite_libaio_spin(void)
{
	const TTest *tests[] = {
		what_was_faster_is_done_until_the_next_round,
		the_environment_says_whether_to_watch,
		calls_that_do_not_wait_do_not_count,
		who_watches_in_vain_does_so_no_longer_than_the_timeout,
		what_is_watched_for_in_vain_counts_twice,
	};

	return harness_suite("libaio: spin", tests, COUNT(tests));
}
