/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: when a wait watches the ring before it sleeps. */
#include "spin.h"
#include "clock.h"
#include "faults.h"
#include "harness.h"
#include "suites.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REST (SPIN_ROUND - 2 * SPIN_TRIES)

static struct spin_luck luck;

/* What a wait takes, in nanoseconds. */
static int64_t slept, watched;
static bool in_vain;

static bool wait_watches(void)
{
	struct spin_wait wait = spin_begin(&luck, SPIN_NS);

	clock_ns += wait.watch_ns ? watched : slept;
	wait.in_vain = wait.watch_ns && in_vain;
	spin_end(&luck, &wait);
	return wait.watch_ns;
}

static unsigned watching(unsigned nr, bool (*watches)(void))
{
	unsigned n = 0;

	while (nr--)
		n += watches();
	return n;
}

static void expect_round(bool watch_first, bool watch_then,
			 bool (*watches)(void))
{
	ck_assert_uint_eq(watching(SPIN_TRIES, watches),
			  watch_first ? SPIN_TRIES : 0);
	ck_assert_uint_eq(watching(SPIN_TRIES, watches),
			  watch_first ? 0 : SPIN_TRIES);
	ck_assert_uint_eq(watching(REST, watches), watch_then ? REST : 0);
}

START_TEST(what_was_faster_is_done_until_the_next_round)
{
	static const struct {
		int64_t slept, watched;
		bool in_vain, watch;
	} cases[] = {
		{ 59000, 20000, false, true },
		{ 5000, 20000, false, false },
		/* Not for too little, */
		{ 16000, 15000, false, true },
		{ 16000, 15500, false, false },
		/* nor for nothing, */
		{ 59000, 40000, false, true },
		{ 59000, 40000, true, false },
		{ 5000000, 4000000, true, false },
	};
	bool watch = false;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		slept = cases[i].slept;
		watched = cases[i].watched;
		in_vain = cases[i].in_vain;
		expect_round(watch, cases[i].watch, wait_watches);
		watch = cases[i].watch;
	}
}
END_TEST

static bool wait_watches_but_the_first_is_long(void)
{
	bool first = luck.waits == 0;

	slept = first ? 10000000 : 5000;
	return wait_watches();
}

START_TEST(one_that_takes_long_does_not_decide)
{
	watched = 20000;
	expect_round(false, false, wait_watches_but_the_first_is_long);
}
END_TEST

START_TEST(who_tries_to_watch_does_so_no_longer_than_to_sleep_took)
{
	struct spin_wait wait;

	slept = 5000;
	watching(SPIN_TRIES, wait_watches);
	wait = spin_begin(&luck, SPIN_NS);
	ck_assert_int_ge(wait.watch_ns, 4900);
	ck_assert_int_le(wait.watch_ns, 5100);
	memset(&luck, 0, sizeof(luck));
	slept = 5 * SPIN_NS;
	watching(SPIN_TRIES, wait_watches);
	wait = spin_begin(&luck, SPIN_NS);
	ck_assert_int_eq(wait.watch_ns, SPIN_NS);
}
END_TEST

START_TEST(who_sleeps_at_once_looks_at_the_clock_to_try_only)
{
	watched = slept = 20000;
	clock_looks = 0;
	watching(SPIN_TRIES, wait_watches);
	ck_assert_uint_eq(clock_looks, 2 * SPIN_TRIES);
	watching(SPIN_TRIES, wait_watches);
	clock_looks = 0;
	watching(REST, wait_watches);
	ck_assert_uint_eq(clock_looks, 0);
}
END_TEST

/* Waits of a queue, for something that comes as soon as they watch or sleep. */

static struct kaio_queue *queue;
static struct kaio_op op;
static int pipes[2];
static bool came;
static unsigned comes_after; /* looks at the clock, of a wait that watches */

static void come(void)
{
	if (!came)
		ck_assert_int_eq(write(pipes[1], "", 1), 1);
	came = true;
}

/* Who has watched in vain sleeps no more. */
static void come_late(void)
{
	come();
	if (clock_looks <= 1)
		clock_ns += slept;
}

static void called(struct kaio_op *unused, int64_t res)
{
	(void)unused;
	ck_assert_int_eq(res & POLLIN, POLLIN);
}

static void begin(int64_t spin_ns)
{
	struct kaio_queue_params params = { .spin_ns = spin_ns };

	ck_assert_ok(pipe(pipes));
	ck_assert_ok(kaio_queue_create(&queue, 1, &params));
	kaio_prep_poll(&op.iocb, pipes[0], POLLIN);
	op.complete = called;
	/* Not at the first, when it may be going to sleep. */
	comes_after = 1;
	faults_before_getevents(come_late);
}

static bool queue_watches(bool run)
{
	unsigned calls = faults_calls(SYS_io_getevents);
	struct kaio_event event;
	char byte;

	came = false;
	ck_assert_ok(kaio_queue_push(queue, &op.iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	clock_hook = come;
	clock_hook_after = comes_after;
	clock_looks = 0;
	if (run)
		ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER), 1);
	else
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	clock_hook = NULL;
	ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
	return faults_calls(SYS_io_getevents) == calls;
}

static bool collecting_watches(void)
{
	return queue_watches(false);
}

static bool running_watches(void)
{
	return queue_watches(true);
}

START_TEST(a_queue_finds_out_for_itself)
{
	begin(0);
	slept = 30000;
	expect_round(false, true, collecting_watches);
	slept = 0;
	expect_round(true, false, collecting_watches);
	slept = 30000;
	expect_round(false, true, running_watches);
	slept = 0;
	expect_round(true, false, running_watches);
}
END_TEST

START_TEST(a_queue_does_as_it_is_told)
{
	begin(KAIO_NO_SPIN);
	slept = 30000;
	ck_assert_uint_eq(watching(SPIN_ROUND, collecting_watches), 0);
	ck_assert_uint_eq(watching(SPIN_ROUND, running_watches), 0);
	begin(1);
	slept = 0;
	ck_assert_uint_eq(watching(SPIN_ROUND, collecting_watches), SPIN_ROUND);
	ck_assert_uint_eq(watching(SPIN_ROUND, running_watches), SPIN_ROUND);
	begin(INT64_MAX);
	comes_after = 2;
	ck_assert_uint_eq(watching(SPIN_ROUND, collecting_watches), SPIN_ROUND);
}
END_TEST

static void watch_in_vain(bool (*watches)(void))
{
	begin(0);
	comes_after = UINT_MAX;
	watching(2 * SPIN_TRIES, watches);
	ck_assert(!watches());
	ck_assert_uint_eq(clock_looks, 0);
}

/* It takes 60 microseconds, 50 of them with the processor. */
START_TEST(what_a_queue_watches_for_in_vain_counts_twice)
{
	clock_step = 10000;
	slept = 100000;
	watch_in_vain(collecting_watches);
	watch_in_vain(running_watches);
}
END_TEST

Suite *suite_queue_spin(void)
{
	const TTest *tests[] = {
		what_was_faster_is_done_until_the_next_round,
		one_that_takes_long_does_not_decide,
		who_tries_to_watch_does_so_no_longer_than_to_sleep_took,
		who_sleeps_at_once_looks_at_the_clock_to_try_only,
		a_queue_finds_out_for_itself,
		a_queue_does_as_it_is_told,
		what_a_queue_watches_for_in_vain_counts_twice,
	};

	return harness_suite("queue: spin", tests, COUNT(tests));
}
