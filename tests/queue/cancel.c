/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: cancelling, wherever the operation is. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

START_TEST(an_operation_in_the_backlog_completes_with_ecanceled)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct kaio_iocb iocbs[5];
	int64_t results[5];
	size_t cancelled;
	size_t i;

	for (cancelled = 0; cancelled < COUNT(iocbs); cancelled++) {
		for (i = 0; i < COUNT(iocbs); i++)
			fixture_good(&iocbs[i]);
		fixture_push(queue, iocbs, COUNT(iocbs));
		ck_assert_ok(kaio_queue_cancel(queue, &iocbs[cancelled]));
		ck_assert_int_eq(kaio_queue_cancel(queue, &iocbs[cancelled]),
				 -EBUSY);
		ck_assert_uint_eq(kaio_queue_backlog(queue), 4);
		faults_nr_taken = 0;
		fixture_collect_all(queue, 8, iocbs, COUNT(iocbs), results);
		for (i = 0; i < COUNT(iocbs); i++)
			ck_assert_int_eq(results[i],
					 i == cancelled ? -ECANCELED : 1);
		/* The others went in as they were pushed. */
		for (i = 0; i < faults_nr_taken; i++)
			ck_assert_ptr_eq(faults_taken[i],
					 &iocbs[i + (i >= cancelled)]);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_backlog_that_has_wrapped_around_is_searched_to_its_end)
{
	struct kaio_queue *queue = fixture_queue(1, 3);
	struct kaio_iocb iocbs[4];
	struct kaio_event events[4];
	size_t i;

	/* An endless one keeps the backlog from starting at the front
	 * again. */
	for (i = 0; i < COUNT(iocbs); i++)
		fixture_endless(&iocbs[i]);
	fixture_push(queue, iocbs, 4);
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	for (i = 0; i < 20; i++) {
		struct kaio_iocb *first = &iocbs[i % 4];
		struct kaio_iocb *last = &iocbs[(i + 3) % 4];

		ck_assert_ok(kaio_queue_cancel(queue, last));
		ck_assert_int_eq(kaio_queue_reap(queue, events, 4), 1);
		ck_assert_ptr_eq(kaio_event_iocb(&events[0]), last);
		ck_assert_int_eq(events[0].res, -ECANCELED);
		ck_assert_ok(kaio_queue_push(queue, last));
		ck_assert_ok(kaio_queue_cancel(queue, first));
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 1, 4, KAIO_FOREVER), 1);
		ck_assert_ptr_eq(kaio_event_iocb(&events[0]), first);
		ck_assert_int_eq(events[0].res, 0);
		ck_assert_ok(kaio_queue_push(queue, first));
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_poll_in_flight_is_cancelled_in_the_kernel)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_iocb iocbs[2];
	struct kaio_event events[2];

	fixture_endless(&iocbs[0]);
	fixture_endless(&iocbs[1]);
	fixture_push(queue, iocbs, 2);
	ck_assert_int_eq(kaio_queue_submit(queue), 2);
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[0]));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 2, KAIO_FOREVER), 1);
	ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &iocbs[0]);
	ck_assert_int_eq(events[0].res, 0);
	ck_assert_int_eq(kaio_queue_cancel(queue, &iocbs[0]), -EBUSY);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(what_cannot_be_cancelled_is_ebusy_and_completes_by_itself)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	int fd = eventfd(1, 0);
	struct kaio_iocb iocbs[2];
	int64_t results[2];

	fixture_good(&iocbs[0]);
	kaio_prep_poll(&iocbs[1], fd, 1); /* ready, so that it has completed */
	fixture_push(queue, iocbs, 2);
	ck_assert_int_eq(kaio_queue_submit(queue), 2);
	ck_assert_int_eq(kaio_queue_cancel(queue, &iocbs[0]), -EBUSY);
	ck_assert_int_eq(kaio_queue_cancel(queue, &iocbs[1]), -EBUSY);
	fixture_collect_all(queue, 4, iocbs, 2, results);
	ck_assert_int_eq(results[0], 1);
	ck_assert_int_eq(results[1], 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(what_is_not_there_is_enoent)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_queue *other = fixture_queue(4, 0);
	struct kaio_iocb pushed, elsewhere, prepared, zeroed;
	int64_t result;

	memset(&zeroed, 0, sizeof(zeroed));
	fixture_good(&prepared);
	ck_assert_int_eq(kaio_queue_cancel(queue, &zeroed), -EBUSY);
	ck_assert_int_eq(kaio_queue_cancel(queue, &prepared), -EBUSY);
	fixture_endless(&elsewhere);
	ck_assert_ok(kaio_queue_push(other, &elsewhere));
	ck_assert_int_eq(kaio_queue_submit(other), 1);
	ck_assert_int_eq(kaio_queue_cancel(queue, &elsewhere), -EBUSY);
	fixture_good(&pushed);
	ck_assert_ok(kaio_queue_push(queue, &pushed));
	fixture_collect_all(queue, 1, &pushed, 1, &result);
	ck_assert_int_eq(kaio_queue_cancel(queue, &pushed), -EBUSY);
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_ok(kaio_queue_destroy(other));
}
END_TEST

START_TEST(an_operation_pushed_twice_completes_twice)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_event events[4];
	struct kaio_iocb iocb;

	fixture_good(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 2);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_ok(kaio_queue_cancel(queue, &iocb));
	ck_assert_int_eq(kaio_queue_cancel(queue, &iocb), -EBUSY);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 3, 4, KAIO_FOREVER), 3);
	ck_assert_int_eq(events[0].res, -ECANCELED);
	ck_assert_int_eq(events[1].res, 1);
	ck_assert_int_eq(events[2].res, 1);
	ck_assert_int_eq(kaio_queue_cancel(queue, &iocb), -EBUSY);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(an_iocb_that_is_in_the_kernel_may_be_used_again)
{
	struct kaio_queue *queue = fixture_queue(64, 0);
	struct kaio_event events[64];
	struct kaio_iocb iocb;
	uint64_t i;

	for (i = 0; i < 64; i++) {
		fixture_good(&iocb);
		kaio_iocb_set_data64(&iocb, i);
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		ck_assert_int_eq(kaio_queue_submit(queue), 1);
		memset(&iocb, 0xff, sizeof(iocb));
	}
	ck_assert_int_eq(kaio_queue_wait(queue, events, 64, 64, KAIO_FOREVER),
			 64);
	for (i = 0; i < 64; i++)
		ck_assert_uint_eq(events[i].data, i);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_cancel(void)
{
	const TTest *tests[] = {
		an_operation_in_the_backlog_completes_with_ecanceled,
		a_backlog_that_has_wrapped_around_is_searched_to_its_end,
		a_poll_in_flight_is_cancelled_in_the_kernel,
		what_cannot_be_cancelled_is_ebusy_and_completes_by_itself,
		what_is_not_there_is_enoent,
		an_operation_pushed_twice_completes_twice,
		an_iocb_that_is_in_the_kernel_may_be_used_again,
	};

	return harness_both_ways("queue: cancel", tests, COUNT(tests));
}
