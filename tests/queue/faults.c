/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: errors that last, and errors of what is not io_submit. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* One good operation: collected, it shows that nothing was lost. */
static void ck_assert_still_works(struct kaio_queue *queue)
{
	struct kaio_iocb iocb;
	int64_t result;

	fixture_good(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	fixture_collect_all(queue, 1, &iocb, 1, &result);
	ck_assert_int_eq(result, 1);
}

START_TEST(memory_that_stays_short_fails_the_head_in_the_end)
{
	const int errors[] = { EAGAIN, ENOMEM, EINTR };
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_iocb iocbs[2];
	int64_t results[2];
	size_t i;

	fixture_good(&iocbs[0]);
	fixture_good(&iocbs[1]);
	for (i = 0; i < COUNT(errors); i++) {
		unsigned before = faults_calls(SYS_io_submit);

		fixture_push(queue, iocbs, 2);
		faults_fail(SYS_io_submit, errors[i], 1000000);
		fixture_collect_all(queue, 2, iocbs, 2, results);
		faults_fail(SYS_io_submit, 0, 0);
		ck_assert_int_eq(results[0], -errors[i]);
		ck_assert_int_eq(results[1], -errors[i]);
		/* Tried again, but not without end. */
		ck_assert_uint_ge(faults_calls(SYS_io_submit) - before, 4);
		ck_assert_uint_le(faults_calls(SYS_io_submit) - before, 100);
	}
	ck_assert_still_works(queue);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(memory_that_comes_back_fails_nothing)
{
	const int errors[] = { EAGAIN, ENOMEM, EINTR };
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_iocb iocb;
	int64_t result;
	size_t i;

	fixture_good(&iocb);
	for (i = 0; i < COUNT(errors); i++) {
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		/* More than would fail it if they came in a row. */
		faults_fail(SYS_io_submit, errors[i], 16);
		fixture_collect_all(queue, 2, &iocb, 1, &result);
		ck_assert_int_eq(result, 1);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_waiter_with_no_room_makes_one_attempt_a_completion)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_iocb iocbs[3];
	struct kaio_event events[3];

	fixture_endless(&iocbs[0]);
	ck_assert_ok(kaio_queue_push(queue, &iocbs[0]));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	fixture_good(&iocbs[1]);
	ck_assert_ok(kaio_queue_push(queue, &iocbs[1]));
	faults_fail(SYS_io_submit, EAGAIN, 1);
	ck_assert_int_eq(kaio_queue_submit(queue), 0);
	ck_assert_uint_eq(faults_calls(SYS_io_submit), 2);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 1);
	/* It gets in although the poll in flight never completes. */
	faults_fail(SYS_io_submit, EAGAIN, 3);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 3, KAIO_FOREVER), 1);
	ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &iocbs[1]);
	ck_assert_int_eq(events[0].res, 1);
	ck_assert_uint_eq(faults_calls(SYS_io_submit), 6);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static void expect_gone(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	struct kaio_event event;

	ck_assert_int_eq(kaio_queue_push(queue, iocb), -EINVAL);
	ck_assert_int_eq(kaio_queue_submit(queue), -EINVAL);
	ck_assert_int_eq(kaio_queue_cancel(queue, iocb), -EINVAL);
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), -EINVAL);
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER),
			 -EINVAL);
	ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER), -EINVAL);
	ck_assert_int_eq(kaio_queue_drain(queue, KAIO_FOREVER), -EINVAL);
}

static int find_it_gone(struct kaio_queue *queue, unsigned way)
{
	struct kaio_event event;

	switch (way) {
	case 0:
		return kaio_queue_submit(queue);
	case 1:
		return kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);
	default:
		return kaio_queue_run(queue, 1, KAIO_FOREVER);
	}
}

/* By a submission, by a wait, and by a submission within other calls. */
START_TEST(with_the_context_gone_every_call_is_einval)
{
	const struct {
		unsigned way;
		bool pending;
	} ways[] = { { 0, true },
		     { 1, false },
		     { 1, true },
		     { 2, false },
		     { 2, true } };
	size_t way;

	for (way = 0; way < COUNT(ways); way++) {
		struct kaio_queue *queue = fixture_queue(3, 3);
		struct kaio_transfer *transfer = fixture_transfer(queue, 1);
		struct kaio_iocb iocbs[3];
		size_t i;

		for (i = 0; i < COUNT(iocbs); i++)
			fixture_endless(&iocbs[i]);
		fixture_push(queue, iocbs, 2);
		ck_assert_int_eq(kaio_queue_submit(queue), 2);
		if (ways[way].pending)
			fixture_push(queue, iocbs + 2, 1);
		faults_destroy_context(true);
		ck_assert_int_eq(find_it_gone(queue, ways[way].way), -EINVAL);
		expect_gone(queue, iocbs);
		ck_assert_int_eq(kaio_transfer_post(transfer), -EINVAL);
		ck_assert_int_eq(kaio_transfer_cancel(transfer), -EINVAL);
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_uint_eq(kaio_queue_inflight(queue), 2);
		ck_assert_uint_eq(kaio_queue_backlog(queue), ways[way].pending);
		faults_destroy_context(false);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

/* As if somebody else had called io_destroy. */
START_TEST(a_queue_whose_context_is_gone_is_freed)
{
	struct kaio_queue *queue = fixture_queue(1, 0);

	ck_assert_ok(kaio_destroy(faults_context));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_destroy_that_is_refused_leaves_the_queue)
{
	const int errors[] = { EPERM, ENOSYS };
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_event event;
	struct kaio_iocb iocb;
	size_t i;

	for (i = 0; i < COUNT(errors); i++) {
		faults_fail(SYS_io_destroy, errors[i], 1);
		ck_assert_int_eq(kaio_queue_destroy(queue), -errors[i]);
		fixture_good(&iocb);
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(getevents_that_is_forbidden_is_reported_and_loses_nothing)
{
	const int errors[] = { EPERM, ENOSYS };
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_event events[2];
	struct kaio_iocb iocb;
	size_t i;

	fixture_endless(&iocb);
	for (i = 0; i < COUNT(errors); i++) {
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		faults_fail(SYS_io_getevents, errors[i], 1000);
		faults_fail(SYS_io_pgetevents, EPERM, 1000);
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 1, 2, KAIO_FOREVER),
			-errors[i]);
		ck_assert_int_eq(kaio_queue_drain(queue, KAIO_FOREVER),
				 -errors[i]);
		if (!harness_has_ring())
			ck_assert_int_eq(kaio_queue_reap(queue, events, 2),
					 -errors[i]);
		faults_fail(SYS_io_getevents, 0, 0);
		faults_fail(SYS_io_pgetevents, 0, 0);
		ck_assert_ok(kaio_queue_cancel(queue, &iocb));
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 1, 2, KAIO_FOREVER), 1);
		ck_assert_int_eq(events[0].res, 0);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(no_call_touches_errno)
{
	struct kaio_queue *queue = fixture_queue(2, 1);
	struct kaio_event events[3];
	struct kaio_iocb iocbs[3];

	fixture_good(&iocbs[0]);
	fixture_bad(&iocbs[1]);
	kaio_iocb_set_eventfd(&iocbs[1], 1 << 20);
	fixture_endless(&iocbs[2]);
	errno = 4711;
	fixture_push(queue, iocbs, 3);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 3, 3, 1000), 2);
	ck_assert_int_eq(kaio_queue_cancel(queue, &iocbs[0]), -EBUSY);
	ck_assert_int_eq(kaio_queue_drain(queue, 0), -ETIMEDOUT);
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[2]));
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_int_eq(errno, 4711);
}
END_TEST

Suite *suite_queue_faults(void)
{
	const TTest *tests[] = {
		memory_that_stays_short_fails_the_head_in_the_end,
		memory_that_comes_back_fails_nothing,
		a_waiter_with_no_room_makes_one_attempt_a_completion,
		with_the_context_gone_every_call_is_einval,
		a_queue_whose_context_is_gone_is_freed,
		a_destroy_that_is_refused_leaves_the_queue,
		getevents_that_is_forbidden_is_reported_and_loses_nothing,
		no_call_touches_errno,
	};

	return harness_both_ways("queue: faults", tests, COUNT(tests));
}
