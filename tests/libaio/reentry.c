/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: a signal handler that collects, in threads that collect.
 */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#define BATCH 16

static struct timespec none;
static volatile sig_atomic_t signals;
static io_context_t shared;
static struct tally tally;
static unsigned by_handler;

/* Interrupts a thread anywhere in the library. */
static void collect_in_handler(int number)
{
	struct timespec shortly = { 0, 20000 };
	struct io_event events[BATCH];
	int saved = errno;
	int ret;

	(void)number;
	signals = signals + 1;
	if (signals % 3 == 0)
		ret = io_getevents(shared, 1, 1 + signals % BATCH, events,
				   &shortly);
	else
		ret = io_getevents(shared, 0, 1 + signals % BATCH, events,
				   &none);
	if (ret > 0) {
		tally_add(&tally, events, ret);
		__atomic_add_fetch(&by_handler, (unsigned)ret,
				   __ATOMIC_RELAXED);
	} else if (ret < 0 && ret != -EINTR) {
		__atomic_add_fetch(&tally.strange, 1, __ATOMIC_RELAXED);
	}
	errno = saved;
}

static void begin_signals(void)
{
	const struct itimerval often = { { 0, 100 }, { 0, 100 } };
	struct sigaction action = { .sa_handler = collect_in_handler,
				    .sa_flags = SA_RESTART };

	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	ck_assert_ok(setitimer(ITIMER_REAL, &often, NULL));
}

/* By every function that collects. */
static void submit_and_collect(size_t begin, size_t end)
{
	size_t number = begin;
	unsigned turn = 0;

	while (tally_total(&tally) < end) {
		struct timespec shortly = { 0, 50000 };
		struct io_event events[BATCH];
		long nr = 1 + (long)(turn % BATCH);
		int ret;

		while (number < end && number < tally_total(&tally) + 40) {
			struct iocb iocb;
			struct iocb *list[] = { &iocb };

			libaio_good(&iocb, number);
			ret = io_submit(shared, 1, list);
			if (ret == -EAGAIN)
				break;
			ck_assert_int_eq(ret, 1);
			number++;
			if (number % 7 == turn % 7)
				break;
		}
		if (turn++ % 4 == 0)
			ret = io_getevents(shared, 0, nr, events, &none);
		else if (turn % 4 == 1)
			ret = io_getevents(shared, 1, nr, events, NULL);
		else if (turn % 4 == 2)
			ret = io_getevents(shared, nr, nr, events, &shortly);
		else
			ret = io_pgetevents(shared, 1, nr, events, &shortly,
					    NULL);
		if (ret != -EINTR)
			ck_assert_int_ge(ret, 0);
		tally_add(&tally, events, ret);
	}
}

START_TEST(a_handler_and_its_thread_collect_everything_once)
{
	size_t otherwise = harness_is_under_valgrind() ? 3000 : 70000;

	shared = libaio_context(64);
	tally_begin(&tally, libaio_amount("KAIO_TEST_OPS", otherwise));
	begin_signals();
	submit_and_collect(0, tally.nr);
	fixture_no_signals();
	ck_assert_int_gt(signals, 0);
	ck_assert_uint_gt(by_handler, 0);
	tally_end(&tally);
	ck_assert_call(io_destroy(shared), 0);
}
END_TEST

static void *collect_beside(void *unused)
{
	(void)unused;
	while (tally_total(&tally) < tally.nr) {
		struct io_event events[BATCH];
		struct timespec shortly = { 0, 30000 };
		int ret = io_getevents(shared, 1, BATCH, events, &shortly);

		ck_assert_int_ge(ret, 0);
		tally_add(&tally, events, ret);
	}
	return NULL;
}

START_TEST(and_so_they_do_beside_another_thread)
{
	size_t otherwise = harness_is_under_valgrind() ? 3000 : 70000;
	pthread_t thread;
	sigset_t alarm, old;

	shared = libaio_context(64);
	tally_begin(&tally, libaio_amount("KAIO_TEST_OPS", otherwise));
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	ck_assert_ok(pthread_sigmask(SIG_BLOCK, &alarm, &old));
	ck_assert_ok(pthread_create(&thread, NULL, collect_beside, NULL));
	ck_assert_ok(pthread_sigmask(SIG_SETMASK, &old, NULL));
	begin_signals();
	submit_and_collect(0, tally.nr);
	fixture_no_signals();
	ck_assert_ok(pthread_join(thread, NULL));
	tally_end(&tally);
	ck_assert_call(io_destroy(shared), 0);
}
END_TEST

Suite *suite_libaio_reentry(void)
{
	const TTest *tests[] = {
		a_handler_and_its_thread_collect_everything_once,
		and_so_they_do_beside_another_thread,
	};

	return libaio_suite("libaio: reentry", tests, COUNT(tests));
}
