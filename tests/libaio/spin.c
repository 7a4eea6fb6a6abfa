/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: a wait that spins makes no system call. */
#include "libaio/registry.h"
#include "calls.h"
#include "faults.h"
#include "suites.h"

#include <libaio.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

static struct timespec shortly = { 0, 1000000 };

static io_context_t context(const char *spin_ns)
{
	io_context_t ctx = NULL;

	ck_assert_ok(setenv("KAIO_NO_RING", "0", 1));
	ck_assert_ok(setenv("KAIO_SPIN_NS", spin_ns, 1));
	ck_assert_call(io_setup(1, &ctx), 0);
	return ctx;
}

static unsigned calls_to_wait(const char *spin_ns)
{
	io_context_t ctx = context(spin_ns);
	struct io_event event;

	faults_reset();
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &shortly), 0);
	ck_assert_call(io_destroy(ctx), 0);
	return faults_calls(SYS_io_getevents);
}

START_TEST(it_does_not_without_a_number)
{
	ck_assert_uint_eq(calls_to_wait(""), 1);
	ck_assert_uint_eq(calls_to_wait("0"), 1);
	ck_assert_uint_eq(calls_to_wait("forever"), 1);
	ck_assert_uint_eq(calls_to_wait("-1"), 1);
}
END_TEST

START_TEST(it_spins_no_longer_than_its_timeout)
{
	ck_assert_uint_eq(calls_to_wait("999999999"), 0);
}
END_TEST

static int wakeup;

static void complete_it(void)
{
	const uint64_t one = 1;

	faults_before_getevents(NULL);
	if (write(wakeup, &one, sizeof(one)) != sizeof(one))
		ck_abort_msg("no write");
}

static void *complete_from_beside(void *unused)
{
	complete_it();
	return unused;
}

static void submit_poll(io_context_t ctx, struct iocb *iocb)
{
	struct iocb *list[] = { iocb };

	wakeup = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(wakeup, 0);
	io_prep_poll(iocb, wakeup, POLLIN);
	ck_assert_call(io_submit(ctx, 1, list), 1);
}

/* It spins until the other thread has run, even on one processor. */
START_TEST(what_completes_while_it_spins_takes_no_call)
{
	io_context_t ctx = context("999999999");
	struct io_event event;
	pthread_t thread;
	struct iocb iocb;

	faults_reset();
	submit_poll(ctx, &iocb);
	ck_assert_ok(pthread_create(&thread, NULL, complete_from_beside, NULL));
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_ptr_eq(event.obj, &iocb);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 0);
	ck_assert_ok(pthread_join(thread, NULL));
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* It has ended spinning before. */
START_TEST(what_completes_afterwards_ends_the_sleep)
{
	io_context_t ctx = context("1000");
	struct io_event event;
	struct iocb iocb;

	faults_reset();
	submit_poll(ctx, &iocb);
	faults_before_getevents(complete_it);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_ptr_eq(event.obj, &iocb);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 1);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

Suite *suite_libaio_spin(void)
{
	const TTest *tests[] = {
		it_does_not_without_a_number,
		it_spins_no_longer_than_its_timeout,
		what_completes_while_it_spins_takes_no_call,
		what_completes_afterwards_ends_the_sleep,
	};

	return harness_suite("libaio-spin", tests, COUNT(tests));
}
