/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: operations that complete in another order than they went in.
 */
#include "queue/strays.h"
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 2048

static struct kaio_iocb *entries[SIZE];

static struct kaio_iocb *iocb_at(unsigned i, unsigned stride)
{
	return (struct kaio_iocb *)(uintptr_t)(0x56781000 + i * stride);
}

/* How many entries are looked at to find nr iocbs, in a table of twice that. */
static unsigned probes(unsigned nr, unsigned stride)
{
	struct strays strays = { entries, nr * 2 - 1, 0 };
	unsigned sum = 0;
	unsigned i;

	memset(entries, 0, sizeof(entries));
	for (i = 0; i < nr; i++)
		strays_add(&strays, iocb_at(i, stride));
	for (i = 0; i < nr; i++) {
		uint64_t iocb = (uintptr_t)iocb_at(i, stride);
		unsigned place =
			(unsigned)(strays_find(&strays, iocb) - entries);

		sum += ((place - strays_home(&strays, iocb)) & strays.mask) + 1;
	}
	return sum;
}

START_TEST(iocbs_in_structures_of_any_size_are_found_at_once)
{
	unsigned stride, nr;

	for (stride = 64; stride <= 16384; stride += 8)
		for (nr = 16; nr <= SIZE / 2; nr *= 4)
			ck_assert_msg(probes(nr, stride) <= 4 * nr,
				      "%u iocbs every %u bytes: %u probes", nr,
				      stride, probes(nr, stride));
}
END_TEST

START_TEST(an_address_may_be_there_twice_and_is_found_over_gaps)
{
	struct strays strays = { entries, 15, 0 };
	struct kaio_iocb *twice = iocb_at(0, 64);
	unsigned i;

	memset(entries, 0, sizeof(entries));
	strays_add(&strays, twice);
	for (i = 1; i < 8; i++)
		strays_add(&strays, iocb_at(i, 64));
	strays_add(&strays, twice);
	for (i = 0; i < 8; i++)
		strays_remove(&strays, (uintptr_t)iocb_at(i, 64));
	ck_assert_uint_eq(strays.nr, 1);
	ck_assert_ptr_nonnull(strays_find(&strays, (uintptr_t)twice));
	ck_assert_ptr_null(strays_find(&strays, (uintptr_t)iocb_at(1, 64)));
	strays_remove(&strays, (uintptr_t)iocb_at(1, 64));
	ck_assert_uint_eq(strays.nr, 1);
	strays_remove(&strays, (uintptr_t)twice);
	ck_assert_uint_eq(strays.nr, 0);
	ck_assert_ptr_null(strays_find(&strays, (uintptr_t)twice));
}
END_TEST

/* Longer than the memory in which the queue has its operations in a line. */
#define LONG 2000

START_TEST(those_that_overtake_an_endless_one_leave_it_in_flight)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_iocb endless[2], good[2];
	struct kaio_event events[4];
	unsigned i;

	fixture_endless(&endless[0]);
	ck_assert_ok(kaio_queue_push(queue, &endless[0]));
	for (i = 0; i < LONG; i++) {
		fixture_good(&good[0]);
		fixture_good(&good[1]);
		fixture_push(queue, good, 2);
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 2, 4, KAIO_FOREVER), 2);
		ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &good[0]);
		ck_assert_ptr_eq(kaio_event_iocb(&events[1]), &good[1]);
		ck_assert_uint_eq(kaio_queue_inflight(queue), 1);
	}
	/* One that strayed long ago, and one that stands behind it. */
	fixture_endless(&endless[1]);
	ck_assert_ok(kaio_queue_push(queue, &endless[1]));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	for (i = 0; i < 2; i++) {
		ck_assert_ok(kaio_queue_cancel(queue, &endless[i]));
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 1, 4, KAIO_FOREVER), 1);
		ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &endless[i]);
		ck_assert_int_eq(kaio_queue_cancel(queue, &endless[i]),
				 -ENOENT);
		ck_assert_uint_eq(kaio_queue_inflight(queue), 1 - i);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(polls_may_complete_in_any_order)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct kaio_iocb iocbs[8];
	struct kaio_event event;
	unsigned round, i;

	for (round = 0; round < LONG; round++) {
		unsigned step = round % 4 * 2 + 1; /* to each of them once */

		for (i = 0; i < 8; i++)
			fixture_endless(&iocbs[i]);
		fixture_push(queue, iocbs, 8);
		ck_assert_int_eq(kaio_queue_submit(queue), 8);
		for (i = 0; i < 8; i++) {
			struct kaio_iocb *next = &iocbs[(round + i * step) % 8];

			ck_assert_ok(kaio_queue_cancel(queue, next));
			ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1,
							 KAIO_FOREVER),
					 1);
			ck_assert_ptr_eq(kaio_event_iocb(&event), next);
			ck_assert_uint_eq(kaio_queue_inflight(queue), 7 - i);
		}
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(one_address_may_stray_and_stand_in_the_line)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct kaio_iocb twice, good;
	struct kaio_event events[8];

	fixture_endless(&twice);
	ck_assert_ok(kaio_queue_push(queue, &twice));
	fixture_good(&good);
	ck_assert_ok(kaio_queue_push(queue, &good));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 8, KAIO_FOREVER), 1);
	ck_assert_ok(kaio_queue_push(queue, &twice));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	/* The third time it waits, while the other two are in flight. */
	ck_assert_ok(kaio_queue_push(queue, &twice));
	ck_assert_ok(kaio_queue_cancel(queue, &twice));
	ck_assert_int_eq(kaio_queue_reap(queue, events, 8), 1);
	ck_assert_int_eq(events[0].res, -ECANCELED);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 2);
	ck_assert_ok(kaio_queue_cancel(queue, &twice));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 8, KAIO_FOREVER), 1);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 1);
	ck_assert_ok(kaio_queue_cancel(queue, &twice));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 8, KAIO_FOREVER), 1);
	ck_assert_int_eq(kaio_queue_cancel(queue, &twice), -ENOENT);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(with_the_context_gone_strays_fail_like_the_others)
{
	struct kaio_queue *queue = fixture_queue(6, 0);
	struct kaio_iocb iocbs[5], good;
	struct kaio_event event;
	int64_t results[5];
	size_t i;

	for (i = 0; i < COUNT(iocbs); i++)
		fixture_endless(&iocbs[i]);
	fixture_push(queue, iocbs, 2);
	fixture_good(&good);
	ck_assert_ok(kaio_queue_push(queue, &good));
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	fixture_push(queue, iocbs + 2, 2);
	ck_assert_int_eq(kaio_queue_submit(queue), 2);
	faults_destroy_context(true);
	ck_assert_ok(kaio_queue_push(queue, &iocbs[4]));
	fixture_collect_all(queue, 5, iocbs, COUNT(iocbs), results);
	for (i = 0; i < COUNT(iocbs); i++)
		ck_assert_int_eq(results[i], -EINVAL);
	faults_destroy_context(false);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_rejected_one_leaves_those_before_it_in_flight)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct kaio_iocb iocbs[3];
	struct kaio_event events[4];

	fixture_endless(&iocbs[0]);
	fixture_bad(&iocbs[1]);
	fixture_endless(&iocbs[2]);
	fixture_push(queue, iocbs, 3);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 4, KAIO_FOREVER), 1);
	ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &iocbs[1]);
	ck_assert_int_eq(events[0].res, -EBADF);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 2);
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[2]));
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[0]));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 2, 4, KAIO_FOREVER), 2);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* Which need not be a call, but may: by the function's address it is. */
START_TEST(a_push_is_the_same_with_and_without_a_call)
{
	int (*volatile push)(struct kaio_queue *, struct kaio_iocb *) =
		kaio_queue_push;
	struct kaio_queue *queue = fixture_queue(3, 2);
	struct kaio_queue_stats stats;
	struct kaio_event events[5];
	struct kaio_iocb iocbs[5];
	unsigned i, j;

	for (i = 0; i < LONG; i++) {
		for (j = 0; j < 5; j++) {
			fixture_good(&iocbs[j]);
			if ((i + j) % 3)
				ck_assert_ok(kaio_queue_push(queue, &iocbs[j]));
			else
				ck_assert_ok(push(queue, &iocbs[j]));
		}
		ck_assert_int_eq(push(queue, &iocbs[0]), -ENOBUFS);
		ck_assert_int_eq(kaio_queue_push(queue, &iocbs[0]), -ENOBUFS);
		ck_assert_int_eq(push(queue, NULL), -EINVAL);
		ck_assert_int_eq(kaio_queue_push(queue, NULL), -EINVAL);
		ck_assert_uint_eq(kaio_queue_backlog(queue), 5);
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 5, 5, KAIO_FOREVER), 5);
		for (j = 0; j < 5; j++)
			ck_assert_ptr_eq(kaio_event_iocb(&events[j]),
					 &iocbs[j]);
	}
	ck_assert_int_eq(push(NULL, &iocbs[0]), -EINVAL);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.pushed, 5 * LONG);
	ck_assert_uint_eq(stats.completed, 5 * LONG);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_strays(void)
{
	const TTest *tests[] = {
		iocbs_in_structures_of_any_size_are_found_at_once,
		an_address_may_be_there_twice_and_is_found_over_gaps,
		those_that_overtake_an_endless_one_leave_it_in_flight,
		polls_may_complete_in_any_order,
		one_address_may_stray_and_stand_in_the_line,
		with_the_context_gone_strays_fail_like_the_others,
		a_rejected_one_leaves_those_before_it_in_flight,
		a_push_is_the_same_with_and_without_a_call,
	};

	return harness_both_ways("queue: strays", tests, COUNT(tests));
}
