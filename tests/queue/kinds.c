/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: what a wait collects is the same in queues of every kind. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <poll.h>

static const uint32_t kinds[] = {
	0,
	KAIO_QUEUE_SHARED,
	KAIO_QUEUE_WAKE,
	KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE,
	KAIO_QUEUE_SHARED | KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD,
};

static void in_each_kind(void (*test)(uint32_t flags))
{
	size_t i;

	for (i = 0; i < COUNT(kinds); i++)
		test(kinds[i]);
}

static struct kaio_queue *create(uint32_t flags, unsigned depth,
				 unsigned backlog)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = backlog };
	struct kaio_queue *queue;

	ck_assert_ok(kaio_queue_create(&queue, depth, &params));
	return queue;
}

static void push_good(struct kaio_queue *queue, struct kaio_iocb *iocbs,
		      size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		fixture_good(&iocbs[i]);
	fixture_push(queue, iocbs, nr);
}

static void check_eventfd(struct kaio_queue *queue, bool readable)
{
	struct pollfd eventfd = { kaio_queue_eventfd(queue), POLLIN, 0 };

	if (eventfd.fd >= 0)
		ck_assert_int_eq(poll(&eventfd, 1, 0), readable);
}

static void what_is_over_max_is_for_the_next_wait_in(uint32_t flags)
{
	struct kaio_queue *queue = create(flags, 8, 0);
	const int takes[] = { 1, 3, 4 };
	struct kaio_event events[8];
	struct kaio_iocb iocbs[8];
	int next = 0;
	size_t take;

	push_good(queue, iocbs, 8);
	for (take = 0; take < COUNT(takes); take++) {
		int n = takes[take];
		int i;

		ck_assert_int_eq(kaio_queue_wait(queue, events, (unsigned)n % 4,
						 (unsigned)n, KAIO_FOREVER),
				 n);
		for (i = 0; i < n; i++)
			ck_assert_ptr_eq(kaio_event_iocb(&events[i]),
					 &iocbs[next++]);
		check_eventfd(queue, next < 8);
		ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
	}
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	ck_assert_int_eq(kaio_queue_reap(queue, events, 8), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}

static void what_was_refused_comes_with_what_completed_in(uint32_t flags)
{
	struct kaio_queue *queue = create(flags, 8, 0);
	struct kaio_event events[8];
	struct kaio_iocb iocbs[4];

	push_good(queue, iocbs, 2);
	fixture_bad(&iocbs[2]);
	fixture_good(&iocbs[3]);
	fixture_push(queue, &iocbs[2], 2);
	/* Without the ring it would take a system call to find the others. */
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 8, KAIO_FOREVER),
			 harness_has_ring() ? 4 : 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}

static void what_a_wait_makes_room_for_is_submitted_in(uint32_t flags)
{
	struct kaio_queue *queue = create(flags, 2, 4);
	struct kaio_event events[6];
	struct kaio_iocb iocbs[6];

	push_good(queue, iocbs, 6);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 1, KAIO_FOREVER), 1);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 2);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 5, 6, KAIO_FOREVER), 5);
	ck_assert_ok(kaio_queue_destroy(queue));
}

/* Its event comes before the completions, or among them. */
static void the_wakeup_is_not_among_the_events_in(uint32_t flags)
{
	unsigned first;

	for (first = 0; first < 3; first++) {
		struct kaio_queue *queue = create(flags, 8, 0);
		struct kaio_event events[2];
		struct kaio_iocb iocbs[4];
		int n = 0;

		push_good(queue, iocbs, first);
		ck_assert_int_eq(kaio_queue_submit(queue), (int)first);
		if (flags & KAIO_QUEUE_WAKE)
			ck_assert_ok(kaio_queue_wake(queue));
		push_good(queue, iocbs + first, 4 - first);
		while (n < 4) {
			int ret = kaio_queue_wait(queue, events, 1, 2,
						  KAIO_FOREVER);
			int i;

			ck_assert_int_gt(ret, 0);
			for (i = 0; i < ret; i++)
				ck_assert_ptr_eq(kaio_event_iocb(&events[i]),
						 &iocbs[n++]);
		}
		ck_assert_int_eq(kaio_queue_reap(queue, events, 2), 0);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}

START_TEST(what_is_over_max_is_for_the_next_wait)
{
	in_each_kind(what_is_over_max_is_for_the_next_wait_in);
}
END_TEST

START_TEST(what_was_refused_comes_with_what_completed)
{
	in_each_kind(what_was_refused_comes_with_what_completed_in);
}
END_TEST

START_TEST(what_a_wait_makes_room_for_is_submitted)
{
	in_each_kind(what_a_wait_makes_room_for_is_submitted_in);
}
END_TEST

START_TEST(the_wakeup_is_not_among_the_events)
{
	in_each_kind(the_wakeup_is_not_among_the_events_in);
}
END_TEST

Suite *suite_queue_kinds(void)
{
	const TTest *tests[] = {
		what_is_over_max_is_for_the_next_wait,
		what_was_refused_comes_with_what_completed,
		what_a_wait_makes_room_for_is_submitted,
		the_wakeup_is_not_among_the_events,
	};

	return harness_both_ways("queue: kinds", tests, COUNT(tests));
}
