/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The transfer layer: beside what the program itself does with the queue. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>

static struct kaio_queue *create(unsigned depth, uint32_t flags)
{
	const struct kaio_queue_params params = { .flags = flags };
	struct kaio_queue *queue = NULL;

	ck_assert_ok(kaio_queue_create(&queue, depth, &params));
	return queue;
}

static void call_back(const struct kaio_event *events, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		struct kaio_op *op =
			(struct kaio_op *)kaio_event_iocb(&events[i]);

		op->complete(op, events[i].res);
	}
}

START_TEST(a_post_as_the_first_call_takes_no_more_than_fits)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_transfer *transfer = fixture_transfer(queue, 300);
	int ret;

	ck_assert_ok(kaio_transfer_post(transfer));
	do {
		ck_assert_uint_le(kaio_queue_inflight(queue) +
					  kaio_queue_backlog(queue),
				  4);
		ret = kaio_queue_run(queue, 1, KAIO_FOREVER);
		ck_assert_int_ge(ret, 0);
	} while (ret);
	ck_assert_ok(kaio_transfer_test(transfer));
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 300);
	ck_assert_uint_eq(faults_nr_taken, 300);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static void expect_handed_over(uint32_t flags, unsigned nr, unsigned handed)
{
	struct kaio_queue *queue = create(4, flags);
	struct kaio_transfer *transfer = fixture_transfer(queue, nr);
	struct kaio_queue_stats stats;

	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_uint_eq(kaio_queue_inflight(queue), handed);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.submitted, handed);
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(a_post_itself_hands_over_what_fits)
{
	expect_handed_over(0, 3, 3);
	expect_handed_over(0, 10, 4);
	expect_handed_over(KAIO_QUEUE_SHARED, 3, 3);
	expect_handed_over(KAIO_QUEUE_SHARED, 10, 4);
}
END_TEST

static void collect_by_the_program(uint32_t flags)
{
	struct kaio_queue *queue = create(4, flags);
	struct kaio_transfer *transfer = fixture_transfer(queue, 10);
	struct kaio_event events[16];
	int left = 10;

	ck_assert_ok(kaio_transfer_post(transfer));
	while (left) {
		int ret = kaio_queue_wait(queue, events, 1, COUNT(events),
					  KAIO_FOREVER);

		/* 0: nothing is outstanding, and there should be. */
		ck_assert_int_gt(ret, 0);
		call_back(events, ret);
		left -= ret;
	}
	ck_assert_ok(kaio_transfer_test(transfer));
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 10);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(one_that_does_not_fit_ends_where_the_program_collects)
{
	collect_by_the_program(0);
	collect_by_the_program(KAIO_QUEUE_SHARED);
}
END_TEST

/* One wait at a time, or one for the slot and for what it is used for. */
static void free_slot(uint32_t flags, unsigned min)
{
	struct kaio_queue *queue = create(1, flags);
	struct kaio_transfer *transfer = fixture_transfer(queue, 3);
	struct kaio_event events[4];
	struct kaio_iocb iocb;
	unsigned i;

	fixture_good(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_ok(kaio_transfer_post(transfer));
	/* Less: nothing is outstanding, and there should be. */
	for (i = 0; i < COUNT(events); i += min)
		ck_assert_int_eq(kaio_queue_wait(queue, events + i, min, min,
						 KAIO_FOREVER),
				 (int)min);
	call_back(events + 1, COUNT(events) - 1);
	ck_assert_ok(kaio_transfer_test(transfer));
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(a_slot_that_a_wait_frees_is_for_a_transfer)
{
	unsigned min;

	for (min = 1; min <= 4; min *= 2) {
		free_slot(0, min);
		free_slot(KAIO_QUEUE_WAKE, min);
		free_slot(KAIO_QUEUE_EVENTFD, min);
		free_slot(KAIO_QUEUE_SHARED, min);
	}
}
END_TEST

/* Not only one that finds the ring empty. */
static void use_slots(uint32_t flags)
{
	struct kaio_queue *queue = create(2, flags);
	struct kaio_transfer *transfer = fixture_transfer(queue, 4);
	struct kaio_queue_stats stats;
	struct kaio_event events[2];

	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 1, KAIO_FOREVER), 1);
	ck_assert_int_eq(kaio_queue_wait(queue, events + 1, 1, 1, KAIO_FOREVER),
			 1);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_ge(stats.submitted, 3);
	call_back(events, 2);
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(each_wait_gives_its_slots_to_a_transfer)
{
	use_slots(KAIO_QUEUE_WAKE);
	use_slots(KAIO_QUEUE_EVENTFD);
	use_slots(KAIO_QUEUE_SHARED);
	use_slots(KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE);
}
END_TEST

static void expect_taken(size_t from, struct kaio_transfer *transfer,
			 unsigned nr)
{
	unsigned i;

	for (i = 0; i < nr; i++)
		ck_assert_ptr_eq(faults_taken[from + i],
				 kaio_transfer_iocb(transfer, i));
}

static void post_three(uint32_t flags)
{
	struct kaio_queue *queue = create(4, flags);
	struct kaio_transfer *first = fixture_transfer(queue, 10);
	struct kaio_transfer *second = fixture_transfer(queue, 10);
	struct kaio_transfer *third = fixture_transfer(queue, 1);
	struct kaio_event events[4];
	size_t from = faults_nr_taken;

	ck_assert_ok(kaio_transfer_post(first));
	ck_assert_ok(kaio_transfer_post(second));
	/* The third finds room, which is not for it. */
	ck_assert_int_eq(kaio_queue_wait(queue, events, 4, 4, KAIO_FOREVER), 4);
	ck_assert_ok(kaio_transfer_post(third));
	call_back(events, 4);
	ck_assert_ok(kaio_transfer_wait(third, KAIO_FOREVER));
	ck_assert_ok(kaio_transfer_wait(second, KAIO_FOREVER));
	ck_assert_ok(kaio_transfer_wait(first, KAIO_FOREVER));
	ck_assert_uint_eq(faults_nr_taken - from, 21);
	expect_taken(from, first, 10);
	expect_taken(from + 10, second, 10);
	expect_taken(from + 20, third, 1);
	ck_assert_ok(kaio_transfer_release(first));
	ck_assert_ok(kaio_transfer_release(second));
	ck_assert_ok(kaio_transfer_release(third));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(one_that_would_fit_goes_behind_those_that_do_not)
{
	post_three(0);
	post_three(KAIO_QUEUE_SHARED);
}
END_TEST

Suite *suite_transfer_beside(void)
{
	const TTest *tests[] = {
		a_post_as_the_first_call_takes_no_more_than_fits,
		a_post_itself_hands_over_what_fits,
		one_that_does_not_fit_ends_where_the_program_collects,
		a_slot_that_a_wait_frees_is_for_a_transfer,
		each_wait_gives_its_slots_to_a_transfer,
		one_that_would_fit_goes_behind_those_that_do_not,
	};

	return harness_both_ways("transfer: beside", tests, COUNT(tests));
}
