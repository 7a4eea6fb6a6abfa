/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: calls that fail once, and what is done in their place. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <sys/syscall.h>

#define NR 70 /* more than are collected at once in a shared queue */

static struct kaio_queue *queue;

static void submit_good(struct kaio_iocb *iocbs, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		fixture_good(&iocbs[i]);
	fixture_push(queue, iocbs, nr);
	ck_assert_int_eq(kaio_queue_submit(queue), (int)nr);
}

static void collect_good(void)
{
	struct kaio_event event;
	struct kaio_iocb iocb;

	submit_good(&iocb, 1);
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	ck_assert_int_eq(event.res, 1);
}

START_TEST(the_call_that_a_policy_allows_is_remembered)
{
	const int errors[] = { EPERM, ENOSYS };
	unsigned before[2];
	size_t i;

	if (harness_is_under_valgrind())
		SKIP("Valgrind knows no io_pgetevents");
	for (i = 0; i < COUNT(errors); i++) {
		queue = threads_queue(KAIO_QUEUE_NO_RING, 4, 0, 0);
		before[0] = faults_calls(SYS_io_getevents);
		before[1] = faults_calls(SYS_io_pgetevents);
		faults_fail(SYS_io_getevents, errors[i], 1000);
		collect_good();
		collect_good();
		ck_assert_uint_eq(faults_calls(SYS_io_getevents),
				  before[0] + 1);
		ck_assert_uint_eq(faults_calls(SYS_io_pgetevents),
				  before[1] + 2);
		faults_fail(SYS_io_getevents, 0, 0);
		faults_fail(SYS_io_pgetevents, errors[i], 1000);
		collect_good();
		collect_good();
		ck_assert_uint_eq(faults_calls(SYS_io_getevents),
				  before[0] + 3);
		ck_assert_uint_eq(faults_calls(SYS_io_pgetevents),
				  before[1] + 3);
		faults_fail(SYS_io_pgetevents, 0, 0);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(an_error_after_some_were_collected_loses_none)
{
	struct kaio_event events[NR];
	struct kaio_iocb iocbs[NR];
	int some;

	queue = threads_queue(KAIO_QUEUE_SHARED | KAIO_QUEUE_NO_RING, NR, 0, 0);
	submit_good(iocbs, NR);
	faults_fail_after(SYS_io_getevents, 1, EFAULT);
	some = kaio_queue_reap(queue, events, NR);
	ck_assert_int_gt(some, 0);
	ck_assert_int_lt(some, NR);
	ck_assert_int_eq(kaio_queue_reap(queue, events, NR), NR - some);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(an_interrupted_submission_is_tried_again_at_once)
{
	struct kaio_iocb iocb;
	unsigned before;

	queue = threads_queue(0, 4, 0, 0);
	before = faults_calls(SYS_io_submit);
	faults_fail(SYS_io_submit, EINTR, 3);
	submit_good(&iocb, 1);
	ck_assert_uint_eq(faults_calls(SYS_io_submit), before + 4);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_retries(void)
{
	const TTest *tests[] = {
		the_call_that_a_policy_allows_is_remembered,
		an_error_after_some_were_collected_loses_none,
		an_interrupted_submission_is_tried_again_at_once,
	};

	return harness_suite("queue: retries", tests, COUNT(tests));
}
