/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: signals during a wait. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals = signals + 1;
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler,
				    .sa_flags = SA_RESTART };

	ck_assert_ok(sigaction(number, &action, NULL));
}

/* Repeatedly: the first may come before the wait begins. */
static void alarms(long microseconds)
{
	const struct itimerval often = { { 0, microseconds },
					 { 0, microseconds } };

	ck_assert_ok(setitimer(ITIMER_REAL, &often, NULL));
}

START_TEST(a_signal_ends_a_wait_that_has_nothing)
{
	io_context_t ctx = libaio_context(1);
	struct timespec hour = { 3600, 0 };
	struct io_event event;

	handle(SIGALRM, count_signal);
	alarms(5000);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), -EINTR);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &hour), -EINTR);
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, NULL, NULL), -EINTR);
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, &hour, NULL), -EINTR);
	ck_assert_int_ge(signals, 4);
	alarms(0);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_signal_ends_a_wait_with_what_there_is)
{
	io_context_t ctx = libaio_context(4);
	struct timespec hour = { 3600, 0 };
	struct io_event events[4];
	sigset_t mask;
	size_t i;

	handle(SIGALRM, count_signal);
	ck_assert_ok(sigprocmask(SIG_SETMASK, NULL, &mask));
	alarms(5000);
	for (i = 0; i < 10; i++) {
		libaio_submit_good(ctx, i, 2);
		ck_assert_call(io_getevents(ctx, 3, 4, events, NULL), 2);
		libaio_submit_good(ctx, i, 2);
		ck_assert_call(io_getevents(ctx, 4, 4, events, &hour), 2);
		libaio_submit_good(ctx, i, 2);
		ck_assert_call(io_pgetevents(ctx, 3, 3, events, NULL, &mask),
			       2);
		ck_assert_uint_eq((size_t)events[0].data, i);
		ck_assert_uint_eq((size_t)events[1].data, i + 1);
	}
	alarms(0);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* Makes a signal blocked and pending. */
static void pend(int number, sigset_t *without, sigset_t *with)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, number);
	ck_assert_ok(sigprocmask(SIG_BLOCK, &one, NULL));
	ck_assert_ok(sigprocmask(SIG_SETMASK, NULL, with));
	*without = *with;
	sigdelset(without, number);
	signals = 0;
	handle(number, count_signal);
	ck_assert_ok(raise(number));
	ck_assert_int_eq(signals, 0);
}

START_TEST(the_mask_admits_a_pending_signal)
{
	io_context_t ctx = libaio_context(1);
	struct timespec second = { 1, 0 };
	struct io_event event;
	sigset_t admits, blocks, now;

	pend(SIGUSR1, &admits, &blocks);
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, &second, &admits),
		       -EINTR);
	ck_assert_int_eq(signals, 1);
	ck_assert_ok(sigprocmask(SIG_SETMASK, NULL, &now));
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 1);
	pend(SIGUSR1, &admits, &blocks);
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, NULL, &admits), -EINTR);
	ck_assert_int_eq(signals, 1);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(the_mask_holds_a_signal_back)
{
	io_context_t ctx = libaio_context(1);
	struct timespec shortly = { 0, 1000000 };
	struct io_event event;
	sigset_t admits, blocks, now;

	pend(SIGUSR1, &admits, &blocks);
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, &shortly, &blocks), 0);
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, &shortly, NULL), 0);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &shortly), 0);
	ck_assert_int_eq(signals, 0);
	/* The mask decides, not the mask of the caller. */
	handle(SIGALRM, count_signal);
	sigaddset(&blocks, SIGALRM);
	alarms(1000);
	while (signals == 0)
		pause();
	shortly.tv_nsec = 20000000;
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, &shortly, &blocks), 0);
	alarms(0);
	ck_assert_ok(sigprocmask(SIG_SETMASK, NULL, &now));
	ck_assert_int_eq(sigismember(&now, SIGALRM), 0);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(completions_do_not_keep_a_signal_from_the_mask)
{
	io_context_t ctx = libaio_context(2);
	struct io_event events[2];
	sigset_t admits, blocks;

	pend(SIGUSR1, &admits, &blocks);
	libaio_submit_good(ctx, 6, 2);
	ck_assert_call(io_pgetevents(ctx, 1, 2, events, NULL, &admits), 2);
	ck_assert_int_eq(signals, 1);
	ck_assert_uint_eq((size_t)events[1].data, 7);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_poll_outlives_the_signal_that_ends_its_wait)
{
	io_context_t ctx = libaio_context(1);
	const uint64_t one = 1;
	sigset_t admits, blocks;
	struct io_event event;
	struct iocb iocb;
	int fd = libaio_endless(&iocb, 3);

	ck_assert_call(io_poll(ctx, &iocb, NULL, fd, POLLIN), 1);
	pend(SIGUSR1, &admits, &blocks);
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, NULL, &admits), -EINTR);
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, NULL, &admits), 1);
	ck_assert_ptr_eq(event.obj, &iocb);
	ck_assert_int_eq((long)event.res, POLLIN);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

Suite *suite_libaio_signals(void)
{
	const TTest *tests[] = {
		a_signal_ends_a_wait_that_has_nothing,
		a_signal_ends_a_wait_with_what_there_is,
		the_mask_admits_a_pending_signal,
		the_mask_holds_a_signal_back,
		completions_do_not_keep_a_signal_from_the_mask,
		a_poll_outlives_the_signal_that_ends_its_wait,
	};

	return libaio_suite("libaio: signals", tests, COUNT(tests));
}
