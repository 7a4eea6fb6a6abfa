/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: the eventfd tells of what other threads and the wakeup hide.
 */
#include "fixture.h"
#include "harness.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <poll.h>

#define SHARED_EVENTFD (KAIO_QUEUE_SHARED | KAIO_QUEUE_EVENTFD)

static struct kaio_queue *queue;
static int called;

static void count(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
	called++;
}

static int poll_queue(int timeout)
{
	struct pollfd fd = { kaio_queue_eventfd(queue), POLLIN, 0 };

	return poll(&fd, 1, timeout);
}

static void push_good(struct kaio_iocb *iocb)
{
	fixture_good(iocb);
	ck_assert_ok(kaio_queue_push(queue, iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
}

/* The drain collects; the event loop, which is this thread, has to be told. */
START_TEST(a_drain_hides_nothing_from_an_event_loop)
{
	const uint32_t sets[] = { SHARED_EVENTFD,
				  SHARED_EVENTFD | KAIO_QUEUE_WAKE };
	size_t i;

	for (i = 0; i < COUNT(sets); i++) {
		struct kaio_op endless = { .complete = count };
		struct kaio_iocb good[2];
		struct kaio_event event;
		struct waiter drain;
		size_t round;

		queue = threads_queue(sets[i], 4, 0, 0);
		threads_push_poll(queue, &endless);
		push_good(&good[0]);
		threads_start(&drain, queue, BY_DRAIN);
		threads_sleep(queue, 1);
		for (round = 0; round < 2; round++) {
			/* Until the drain has collected it. */
			do {
				ck_assert_int_eq(poll_queue(-1), 1);
			} while (kaio_queue_reap(queue, &event, 1) == 0);
			ck_assert_ptr_eq(kaio_event_iocb(&event), &good[round]);
			ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 0);
			ck_assert_int_eq(poll_queue(0), 0);
			if (round == 0)
				push_good(&good[1]);
		}
		threads_end_poll(&endless);
		threads_join(&drain);
		ck_assert_int_eq(poll_queue(0), 1);
		ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 1);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

static int collect_by(int way, struct kaio_transfer *transfer)
{
	struct kaio_event event;

	if (way == 0)
		return kaio_queue_reap(queue, &event, 1);
	if (way == 1)
		return kaio_queue_wait(queue, &event, 1, 1, 0);
	if (way == 2)
		return kaio_queue_run(queue, 0, 0);
	called = 0;
	ck_assert_int_eq(kaio_transfer_test(transfer), -EINPROGRESS);
	return called;
}

/* In the ring it is before the completions, which are no more than the depth.
 */
static void collect_after_wake(uint32_t flags, unsigned nr, int way)
{
	struct kaio_transfer *transfer;
	struct kaio_op ops[4];
	unsigned left = nr;
	unsigned tries = 0;
	unsigned i;

	queue = threads_queue(flags, nr + (way == 3), 0, 0);
	ck_assert_ok(kaio_transfer_create(&transfer, queue, 1, NULL));
	fixture_endless(kaio_transfer_iocb(transfer, 0));
	if (way == 3)
		ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_queue_wake(queue));
	for (i = 0; i < nr; i++) {
		ops[i].complete = count;
		push_good(&ops[i].iocb);
	}
	while (left) {
		ck_assert_int_eq(poll_queue(0), 1);
		left -= (unsigned)collect_by(way, transfer);
		ck_assert_uint_lt(++tries, 8);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_ok(kaio_transfer_release(transfer));
}

START_TEST(the_wakeup_hides_nothing_from_an_event_loop)
{
	const uint32_t sets[] = { KAIO_QUEUE_EVENTFD | KAIO_QUEUE_WAKE,
				  SHARED_EVENTFD | KAIO_QUEUE_WAKE };
	unsigned nr;
	size_t i;
	int way;

	for (i = 0; i < COUNT(sets); i++)
		for (way = 0; way < 4; way++)
			for (nr = 1; nr <= 4; nr++)
				collect_after_wake(sets[i], nr, way);
}
END_TEST

/* A wait that takes part of what it has collected. */
START_TEST(what_a_wait_leaves_is_readable)
{
	struct kaio_event event;
	struct kaio_iocb good[3];
	int left;

	queue = threads_queue(SHARED_EVENTFD, 4, 0, 0);
	for (left = 0; left < 3; left++)
		push_good(&good[left]);
	while (left--) {
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
		ck_assert_int_eq(poll_queue(0), left > 0);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_readable(void)
{
	const TTest *tests[] = {
		a_drain_hides_nothing_from_an_event_loop,
		the_wakeup_hides_nothing_from_an_event_loop,
		what_a_wait_leaves_is_readable,
	};

	return harness_both_ways("queue: readable", tests, COUNT(tests));
}
