/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The ABI layer: every error that <kaio/abi.h> lists, except those of
 * kaio_submit(), which are in abi-submit.c. The kernel makes them, where a test
 * can cause that.
 */
#include "calls.h"
#include "faults.h"
#include "suites.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define MAX_EVENTS 4194304

static const struct timespec now;

START_TEST(setup_refuses_a_handle_it_cannot_write)
{
	ck_assert_call(kaio_setup(1, NULL), -EFAULT);
	ck_assert_call(kaio_setup(1, page(PROT_READ)), -EFAULT);
}
END_TEST

START_TEST(setup_refuses_a_handle_that_is_in_use)
{
	kaio_context_t ctx = 1;

	ck_assert_call(kaio_setup(1, &ctx), -EINVAL);
	ck_assert_uint_eq(ctx, 1);
}
END_TEST

START_TEST(setup_refuses_a_number_out_of_range)
{
	kaio_context_t ctx = 0;

	ck_assert_call(kaio_setup(0, &ctx), -EINVAL);
	ck_assert_call(kaio_setup(MAX_EVENTS + 1, &ctx), -EINVAL);
	ck_assert_call(kaio_setup(UINT_MAX, &ctx), -EINVAL);
	ck_assert_uint_eq(ctx, 0);
}
END_TEST

static unsigned aio_max_nr(void)
{
	FILE *file = fopen("/proc/sys/fs/aio-max-nr", "r");
	unsigned long max = 0;

	if (file) {
		if (fscanf(file, "%lu", &max) != 1)
			max = 0;
		fclose(file);
	}
	return max && max < MAX_EVENTS ? (unsigned)max : 0;
}

START_TEST(setup_says_when_fs_aio_max_nr_is_used_up)
{
	kaio_context_t ctx = 0;
	unsigned max = aio_max_nr();

	if (!max)
		SKIP("fs.aio-max-nr is unknown, or without effect");
	ck_assert_call(kaio_setup(max + 1, &ctx), -EAGAIN);
	ck_assert_uint_eq(ctx, 0);
}
END_TEST

START_TEST(cancel_takes_nothing_but_a_poll_in_flight)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;

	kaio_prep_poll(&iocb, eventfd(0, 0), POLLIN);
	ck_assert_call(kaio_cancel(ctx, &iocb, NULL), -EINVAL);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_call(kaio_cancel(0, &iocb, NULL), -EINVAL);
	iocb.key++;
	ck_assert_call(kaio_cancel(ctx, &iocb, NULL), -EINVAL);
	iocb.key--;
	ck_assert_call(kaio_cancel(ctx, &iocb, &event), -EINPROGRESS);
}
END_TEST

START_TEST(cancel_refuses_an_operation_it_cannot_read)
{
	kaio_context_t ctx = new_context(1);

	ck_assert_call(kaio_cancel(ctx, page(PROT_NONE), NULL), -EFAULT);
	ck_assert_call(kaio_cancel(ctx, NULL, NULL), -EFAULT);
}
END_TEST

/* Both calls that collect; the one with a mask leaves it as it is. */
static int collect(bool masked, kaio_context_t ctx, long min_nr, long nr,
		   struct kaio_event *events, const struct timespec *timeout)
{
	return masked ? CALL(kaio_pgetevents(ctx, min_nr, nr, events, timeout,
					     NULL))
		      : CALL(kaio_getevents(ctx, min_nr, nr, events, timeout));
}

START_TEST(getevents_refuses_numbers_out_of_range)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	int masked;

	for (masked = 0; masked < 2; masked++) {
		ck_assert_int_eq(collect(masked, ctx, 2, 1, &event, &now),
				 -EINVAL);
		ck_assert_int_eq(collect(masked, ctx, -1, 1, &event, &now),
				 -EINVAL);
		ck_assert_int_eq(collect(masked, ctx, 0, -1, &event, &now),
				 -EINVAL);
		ck_assert_int_eq(collect(masked, 0, 0, 1, &event, &now),
				 -EINVAL);
	}
}
END_TEST

START_TEST(getevents_refuses_what_is_no_time)
{
	static const struct timespec bad[] = {
		{ -1, 0 },
		{ 0, -1 },
		{ 0, 1000000000 },
		{ 1, LONG_MAX },
	};
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	size_t i;

	for (i = 0; i < COUNT(bad); i++) {
		ck_assert_int_eq(collect(false, ctx, 1, 1, &event, &bad[i]),
				 -EINVAL);
		ck_assert_int_eq(collect(true, ctx, 1, 1, &event, &bad[i]),
				 -EINVAL);
	}
}
END_TEST

START_TEST(events_that_cannot_be_written_are_not_lost)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;
	int masked;

	kaio_prep_poll(&iocb, open("/dev/zero", O_RDONLY), POLLIN);
	for (masked = 0; masked < 2; masked++) {
		ck_assert_int_eq(submit(ctx, &iocb), 1);
		ck_assert_int_eq(
			collect(masked, ctx, 1, 1, page(PROT_READ), &now),
			-EFAULT);
		ck_assert_int_eq(collect(masked, ctx, 1, 1, &event, &now), 1);
		ck_assert_ptr_eq(kaio_event_iocb(&event), &iocb);
	}
}
END_TEST

START_TEST(pgetevents_refuses_a_mask_it_cannot_read)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;

	kaio_prep_poll(&iocb, open("/dev/zero", O_RDONLY), POLLIN);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_call(
		kaio_pgetevents(ctx, 1, 1, &event, &now, page(PROT_NONE)),
		-EFAULT);
	ck_assert_call(kaio_getevents(ctx, 1, 1, &event, &now), 1);
}
END_TEST

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals = signals + 1;
}

START_TEST(a_signal_interrupts_a_wait_that_has_nothing)
{
	/* Repeated, in case it arrives before the wait. */
	static const struct itimerval often = { { 0, 5000 }, { 0, 5000 } };
	struct sigaction action = { .sa_handler = count_signal,
				    .sa_flags = SA_RESTART };
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;

	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	ck_assert_ok(setitimer(ITIMER_REAL, &often, NULL));
	ck_assert_int_eq(collect(false, ctx, 1, 1, &event, NULL), -EINTR);
	ck_assert_int_eq(collect(true, ctx, 1, 1, &event, NULL), -EINTR);
	ck_assert_int_ge(signals, 1);
}
END_TEST

/* Errors that no test can cause, or not without privileges. */
START_TEST(other_errors_pass_through_as_they_are)
{
	static const int setup[] = { ENOMEM, EINTR, ENOSYS, EPERM };
	kaio_context_t ctx = 0;
	struct kaio_iocb iocb = { 0 };
	struct kaio_event event;
	size_t i;

	for (i = 0; i < COUNT(setup); i++) {
		faults_fail(SYS_io_setup, setup[i], 1);
		ck_assert_call(kaio_setup(1, &ctx), -setup[i]);
	}
	faults_fail(SYS_io_cancel, ENOSYS, 1);
	ck_assert_call(kaio_cancel(ctx, &iocb, &event), -ENOSYS);
	faults_fail(SYS_io_getevents, ENOSYS, 1);
	ck_assert_int_eq(collect(false, ctx, 0, 1, &event, &now), -ENOSYS);
	faults_fail(SYS_io_getevents, EPERM, 1);
	ck_assert_int_eq(collect(false, ctx, 0, 1, &event, &now), -EPERM);
	faults_fail(SYS_io_pgetevents, ENOSYS, 1);
	ck_assert_int_eq(collect(true, ctx, 0, 1, &event, &now), -ENOSYS);
	faults_fail(SYS_io_pgetevents, EPERM, 1);
	ck_assert_int_eq(collect(true, ctx, 0, 1, &event, &now), -EPERM);
}
END_TEST

/* Old container profiles forbid io_pgetevents. */
START_TEST(getevents_never_issues_io_pgetevents)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;

	ck_assert_call(kaio_getevents(ctx, 0, 1, &event, &now), 0);
	ck_assert_call(kaio_getevents(ctx, 0, 1, &event, NULL), 0);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 2);
	ck_assert_uint_eq(faults_calls(SYS_io_pgetevents), 0);
}
END_TEST

Suite *suite_abi_errors(void)
{
	const TTest *tests[] = {
		setup_refuses_a_handle_it_cannot_write,
		setup_refuses_a_handle_that_is_in_use,
		setup_refuses_a_number_out_of_range,
		setup_says_when_fs_aio_max_nr_is_used_up,
		cancel_takes_nothing_but_a_poll_in_flight,
		cancel_refuses_an_operation_it_cannot_read,
		getevents_refuses_numbers_out_of_range,
		getevents_refuses_what_is_no_time,
		events_that_cannot_be_written_are_not_lost,
		pgetevents_refuses_a_mask_it_cannot_read,
		a_signal_interrupts_a_wait_that_has_nothing,
		other_errors_pass_through_as_they_are,
		getevents_never_issues_io_pgetevents,
	};

	return harness_suite("abi-errors", tests, COUNT(tests));
}
