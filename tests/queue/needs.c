/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: how many completions a wait needs, and no more. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <limits.h>

static const uint32_t flag_sets[] = {
	0,
	KAIO_QUEUE_WAKE,
	KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED,
	KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE,
};
static struct kaio_queue *queue;
static struct kaio_op ops[3];

static void no_call(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
}

static void end_the_first_poll(void)
{
	threads_end_poll(&ops[0]);
}

/* Two polls in flight, and one operation that is complete. */
static void create_with_three(uint32_t flags)
{
	size_t i;

	queue = threads_queue(flags, 4, 0, 0);
	for (i = 0; i < COUNT(ops); i++)
		ops[i].complete = no_call;
	threads_push_poll(queue, &ops[0]);
	threads_push_poll(queue, &ops[1]);
	fixture_good(&ops[2].iocb);
	ck_assert_ok(kaio_queue_push(queue, &ops[2].iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
}

/* The second poll never completes: a sleep for both would not end. */
START_TEST(a_sleep_is_for_those_that_are_missing)
{
	struct kaio_event events[3];
	size_t i;

	for (i = 0; i < COUNT(flag_sets); i++) {
		create_with_three(flag_sets[i]);
		faults_before_getevents(end_the_first_poll);
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 2, 3, KAIO_FOREVER), 2);
		faults_before_getevents(NULL);
		ck_assert_ok(kaio_queue_destroy(queue));
		create_with_three(flag_sets[i]);
		faults_before_getevents(end_the_first_poll);
		ck_assert_int_eq(kaio_queue_run(queue, 2, KAIO_FOREVER), 2);
		faults_before_getevents(NULL);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(with_a_min_of_0_none_is_waited_for)
{
	struct kaio_event event;
	size_t i;

	for (i = 0; i < COUNT(flag_sets); i++) {
		queue = threads_queue(flag_sets[i], 4, 0, 0);
		threads_push_poll(queue, &ops[0]);
		ck_assert_ok(
			kaio_queue_wait(queue, &event, 0, 1, KAIO_FOREVER));
		ck_assert_ok(kaio_queue_run(queue, 0, KAIO_FOREVER));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(int_max_is_a_number_like_others)
{
	struct kaio_event event;

	queue = fixture_queue(1, 0);
	ck_assert_ok(kaio_queue_wait(queue, &event, 0, INT_MAX, 0));
	ck_assert_ok(
		kaio_queue_wait(queue, &event, INT_MAX, INT_MAX, KAIO_FOREVER));
	ck_assert_ok(kaio_queue_run(queue, INT_MAX, KAIO_FOREVER));
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 0, 1u + INT_MAX, 0),
			 -EINVAL);
	ck_assert_int_eq(kaio_queue_run(queue, 1u + INT_MAX, 0), -EINVAL);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_needs(void)
{
	const TTest *tests[] = {
		a_sleep_is_for_those_that_are_missing,
		with_a_min_of_0_none_is_waited_for,
		int_max_is_a_number_like_others,
	};

	return harness_both_ways("queue: needs", tests, COUNT(tests));
}
