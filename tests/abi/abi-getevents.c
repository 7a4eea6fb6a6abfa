/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The ABI layer: waiting for completions. */
#include "calls.h"
#include "faults.h"
#include "suites.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>

static const struct timespec now;

START_TEST(getevents_gives_no_more_than_there_is_room_for)
{
	kaio_context_t ctx = new_context(8);
	struct kaio_event events[4];
	struct kaio_iocb iocb;
	struct kaio_iocb *list[3] = { &iocb, &iocb, &iocb };

	memset(events, 0x55, sizeof(events));
	kaio_prep_poll(&iocb, open("/dev/zero", O_RDONLY), POLLIN);
	ck_assert_call(kaio_submit(ctx, 3, list), 3);
	ck_assert_call(kaio_getevents(ctx, 0, 0, events, NULL), 0);
	ck_assert_call(kaio_getevents(ctx, 1, 2, events, NULL), 2);
	ck_assert_uint_eq(events[2].obj, 0x5555555555555555);
	ck_assert_call(kaio_getevents(ctx, 2, 4, events, &now), 1);
	ck_assert_call(kaio_getevents(ctx, 0, 4, events, &now), 0);
	ck_assert_call(kaio_getevents(ctx, 0, 4, events, NULL), 0);
	ck_assert_call(kaio_destroy(ctx), 0);
}
END_TEST

static bool passed(const struct timespec *since, const struct timespec *time)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	return (end.tv_sec - since->tv_sec) * 1000000000LL + end.tv_nsec -
		       since->tv_nsec >=
	       time->tv_sec * 1000000000LL + time->tv_nsec;
}

START_TEST(a_wait_ends_no_sooner_than_its_timeout)
{
	static const struct timespec times[] = { { 0, 30000000 }, { 1, 0 } };
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct timespec start;
	size_t i;

	for (i = 0; i < COUNT(times); i++) {
		clock_gettime(CLOCK_MONOTONIC, &start);
		ck_assert_call(kaio_getevents(ctx, 1, 1, &event, &times[i]), 0);
		ck_assert(passed(&start, &times[i]));
		clock_gettime(CLOCK_MONOTONIC, &start);
		ck_assert_call(
			kaio_pgetevents(ctx, 1, 1, &event, &times[i], NULL), 0);
		ck_assert(passed(&start, &times[i]));
	}
	ck_assert_call(kaio_destroy(ctx), 0);
}
END_TEST

START_TEST(a_timeout_brings_what_there_is)
{
	static const struct timespec time = { 0, 1000000 };
	kaio_context_t ctx = new_context(2);
	struct kaio_event events[2];
	struct kaio_iocb iocb;

	kaio_prep_poll(&iocb, open("/dev/zero", O_RDONLY), POLLIN);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_call(kaio_getevents(ctx, 2, 2, events, &time), 1);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_call(kaio_pgetevents(ctx, 2, 2, events, &time, NULL), 1);
	ck_assert_call(kaio_destroy(ctx), 0);
}
END_TEST

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals = signals + 1;
}

/* Runs once; the write that it makes ends the wait. */
static int ring_fd;

static void write_to_eventfd(int number)
{
	static const uint64_t one = 1;

	(void)number;
	if (write(ring_fd, &one, sizeof(one)) == sizeof(one))
		signals = signals + 1;
}

START_TEST(a_wait_without_timeout_lasts_until_there_is_a_completion)
{
	static const struct itimerval soon = { { 0, 0 }, { 0, 5000 } };
	struct sigaction action = { .sa_handler = write_to_eventfd };
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;
	int ret;

	ring_fd = eventfd(0, 0);
	kaio_prep_poll(&iocb, ring_fd, POLLIN);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	ck_assert_ok(setitimer(ITIMER_REAL, &soon, NULL));
	do
		ret = CALL(kaio_getevents(ctx, 1, 1, &event, NULL));
	while (ret == -EINTR);
	ck_assert_int_eq(ret, 1);
	ck_assert_int_eq(signals, 1);
	ck_assert_int_eq(event.res, POLLIN);
	ck_assert_call(kaio_destroy(ctx), 0);
}
END_TEST

START_TEST(no_timeout_goes_to_the_kernel_as_none)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;

	ck_assert_call(kaio_getevents(ctx, 0, 1, &event, &now), 0);
	ck_assert_int_ne(faults_arguments[4], 0);
	ck_assert_call(kaio_getevents(ctx, 0, 1, &event, NULL), 0);
	ck_assert_int_eq(faults_arguments[4], 0);
	ck_assert_call(kaio_pgetevents(ctx, 0, 1, &event, &now, NULL), 0);
	ck_assert_int_ne(faults_arguments[4], 0);
	ck_assert_call(kaio_pgetevents(ctx, 0, 1, &event, NULL, NULL), 0);
	ck_assert_int_eq(faults_arguments[4], 0);
}
END_TEST

START_TEST(pgetevents_lets_a_blocked_signal_through)
{
	struct sigaction action = { .sa_handler = count_signal,
				    .sa_flags = SA_RESTART };
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	sigset_t none;
	sigset_t usr1;

	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	ck_assert_ok(sigaction(SIGUSR1, &action, NULL));
	ck_assert_ok(sigprocmask(SIG_BLOCK, &usr1, NULL));
	ck_assert_ok(raise(SIGUSR1));

	ck_assert_call(kaio_pgetevents(ctx, 0, 1, &event, &now, NULL), 0);
	ck_assert_call(kaio_pgetevents(ctx, 0, 1, &event, &now, &usr1), 0);
	ck_assert_int_eq(signals, 0);
	ck_assert_call(kaio_pgetevents(ctx, 1, 1, &event, NULL, &none), -EINTR);
	ck_assert_int_eq(signals, 1);
	ck_assert_ok(sigprocmask(SIG_BLOCK, NULL, &none));
	ck_assert_int_eq(sigismember(&none, SIGUSR1), 1);
	ck_assert_call(kaio_destroy(ctx), 0);
}
END_TEST

static void *destroy(void *ctx)
{
	static int ret;

	ret = kaio_destroy(*(kaio_context_t *)ctx);
	return &ret;
}

static kaio_context_t doomed;
static pthread_t destroyer;

static void start_to_destroy(void)
{
	faults_before_getevents(NULL);
	pthread_create(&destroyer, NULL, destroy, &doomed);
}

START_TEST(a_wait_ends_when_the_context_is_destroyed)
{
	struct kaio_event event;
	void *ret;

	doomed = new_context(1);
	faults_before_getevents(start_to_destroy);
	ck_assert_call(kaio_getevents(doomed, 1, 1, &event, NULL), -EINVAL);
	ck_assert_ok(pthread_join(destroyer, &ret));
	ck_assert_ok(*(int *)ret);
}
END_TEST

Suite *suite_abi_getevents(void)
{
	const TTest *tests[] = {
		getevents_gives_no_more_than_there_is_room_for,
		a_wait_ends_no_sooner_than_its_timeout,
		a_timeout_brings_what_there_is,
		a_wait_without_timeout_lasts_until_there_is_a_completion,
		no_timeout_goes_to_the_kernel_as_none,
		pgetevents_lets_a_blocked_signal_through,
		a_wait_ends_when_the_context_is_destroyed,
	};

	return harness_suite("abi-getevents", tests, COUNT(tests));
}
