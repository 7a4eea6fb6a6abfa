/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The libaio drop-in: when a wait watches the ring. It looks at the clock then,
 * and else never; the program is linked with -Wl,--wrap=clock_gettime.
 */
#include "../lib/spin.h"
#include "calls.h"
#include "faults.h"

#include <libaio.h>

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

static unsigned looks;
static void (*at_first_look)(void);
static io_context_t ctx;

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	if (looks++ == 0 && at_first_look)
		at_first_look();
	return __real_clock_gettime(clock, time);
}

static void begin(void)
{
	ctx = NULL;
	ck_assert_call(io_setup(1, &ctx), 0);
}

/* Of a file whose poll completes at once. */
static void submit_good(void)
{
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	int ready = open("/dev/zero", O_RDONLY);

	io_prep_poll(&iocb, ready, POLLIN);
	ck_assert_int_eq(io_submit(ctx, 1, list), 1);
	ck_assert_ok(close(ready));
}

static bool watches_in_vain(void)
{
	struct timespec moment = { 0, 1 };
	struct io_event event;

	looks = 0;
	at_first_look = NULL;
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &moment), 0);
	return looks > 0;
}

/* The completion comes when the ring was already looked at once. */
static bool watches_with_success(void)
{
	struct timespec second = { 1, 0 };
	struct io_event event;
	bool watched;

	looks = 0;
	at_first_look = submit_good;
	faults_reset();
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &second), 1);
	watched = looks > 0;
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 0);
	return watched;
}

START_TEST(what_comes_while_a_wait_watches_costs_no_call)
{
	begin();
	ck_assert(watches_with_success());
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(the_environment_says_whether_to_watch)
{
	static const struct {
		const char *value;
		bool watch;
	} cases[] = {
		{ "1", false }, { "yes", false }, { "0", true }, { "", true }
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		ck_assert_ok(setenv("KAIO_NO_SPIN", cases[i].value, 1));
		begin();
		ck_assert_int_eq(watches_in_vain(), cases[i].watch);
		ck_assert_call(io_destroy(ctx), 0);
	}
}
END_TEST

START_TEST(after_many_times_in_vain_many_waits_sleep_at_once)
{
	unsigned round, i;

	begin();
	for (round = 0; round < 3; round++) {
		for (i = 0; i < SPIN_FAILURES; i++)
			ck_assert(watches_in_vain());
		for (i = 0; i < SPIN_SKIPS; i++)
			ck_assert(!watches_in_vain());
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(one_success_begins_the_count_anew)
{
	unsigned round, i;

	begin();
	for (round = 0; round < 3; round++) {
		for (i = 1; i < SPIN_FAILURES; i++)
			ck_assert(watches_in_vain());
		ck_assert(watches_with_success());
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* Those count that would have watched, and no others. */
START_TEST(calls_that_do_not_wait_leave_the_count_alone)
{
	struct timespec none = { 0, 0 };
	struct io_event event;
	unsigned i;

	begin();
	for (i = 0; i < SPIN_FAILURES; i++)
		ck_assert(watches_in_vain());
	for (i = 0; i < 2 * SPIN_SKIPS; i++)
		ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), 0);
	for (i = 0; i < SPIN_SKIPS; i++)
		ck_assert(!watches_in_vain());
	ck_assert(watches_in_vain());
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_comes_while_a_wait_watches_costs_no_call,
		the_environment_says_whether_to_watch,
		after_many_times_in_vain_many_waits_sleep_at_once,
		one_success_begins_the_count_anew,
		calls_that_do_not_wait_leave_the_count_alone,
	};

	unsetenv("KAIO_NO_RING");
	unsetenv("KAIO_NO_SPIN");
	if (harness_is_under_valgrind())
		return 77;
	return harness_run("libaio: spin", tests, COUNT(tests));
}
