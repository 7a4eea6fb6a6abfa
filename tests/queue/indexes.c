/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The queue layer: ring indexes that are out of range. The kernel takes them
 * modulo the ring's size, in io_getevents, and the library asks it.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <sys/syscall.h>

#define NR 3

static struct kaio_queue *queue;
static struct kaio_ring ring;
static struct kaio_op ops[NR];
static int called;

static void count(struct kaio_op *op, int64_t res)
{
	(void)op;
	ck_assert_int_eq(res, 1);
	called++;
}

static void complete_some(void)
{
	size_t i;

	for (i = 0; i < NR; i++) {
		fixture_good(&ops[i].iocb);
		ops[i].complete = count;
		ck_assert_ok(kaio_queue_push(queue, &ops[i].iocb));
	}
	ck_assert_int_eq(kaio_queue_submit(queue), NR);
}

static void move_out_of_range(uint32_t *index)
{
	__atomic_fetch_add(index, ring.nr, __ATOMIC_RELAXED);
}

static int collect_by(int way, struct kaio_transfer *transfer)
{
	struct kaio_event events[NR];

	switch (way) {
	case 0:
		return kaio_queue_reap(queue, events, NR);
	case 1:
		return kaio_queue_wait(queue, events, 0, NR, KAIO_FOREVER);
	case 2:
		return kaio_queue_wait(queue, events, NR, NR, KAIO_FOREVER);
	case 3:
		return kaio_queue_run(queue, 0, 0);
	case 4:
		return kaio_queue_run(queue, NR, KAIO_FOREVER);
	case 5:
		ck_assert_int_eq(kaio_queue_drain(queue, 0), -ETIMEDOUT);
		return kaio_queue_reap(queue, events, NR);
	}
	called = 0;
	ck_assert_int_eq(kaio_transfer_test(transfer), -EINPROGRESS);
	return called;
}

static void collect_in_each_way(uint32_t flags, bool head)
{
	struct kaio_transfer *transfer;
	int way;

	queue = threads_queue(flags, 2 * NR, 0, 0);
	ck_assert_ok(kaio_ring_attach(&ring, faults_context));
	/* One that is outstanding throughout. */
	ck_assert_ok(kaio_transfer_create(&transfer, queue, 1, NULL));
	fixture_endless(kaio_transfer_iocb(transfer, 0));
	ck_assert_ok(kaio_transfer_post(transfer));
	for (way = 0; way < 7; way++) {
		complete_some();
		move_out_of_range(head ? &ring.header->head
				       : &ring.header->tail);
		ck_assert_int_eq(collect_by(way, transfer), NR);
		if (!head)
			ring.header->tail %= ring.nr;
		ck_assert_uint_lt(ring.header->head, ring.nr);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_ok(kaio_transfer_release(transfer));
}

static void collect_in_each_queue(bool head)
{
	const uint32_t sets[] = {
		0,
		KAIO_QUEUE_NO_RING,
		KAIO_QUEUE_WAKE,
		KAIO_QUEUE_EVENTFD,
		KAIO_QUEUE_SHARED,
		KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD,
	};
	size_t i;

	for (i = 0; i < COUNT(sets); i++)
		collect_in_each_way(sets[i], head);
}

START_TEST(with_a_head_out_of_range_the_kernel_is_asked)
{
	if (!harness_has_ring())
		SKIP("it takes the ring");
	collect_in_each_queue(true);
}
END_TEST

START_TEST(with_a_tail_out_of_range_the_kernel_is_asked)
{
	if (!harness_has_ring())
		SKIP("it takes the ring");
	collect_in_each_queue(false);
}
END_TEST

START_TEST(no_more_come_out_of_the_ring_than_are_in_flight)
{
	const uint32_t sets[] = { 0, KAIO_QUEUE_EVENTFD };
	struct kaio_event events[NR + 1];
	uint32_t tail;
	size_t i;

	if (!harness_has_ring())
		SKIP("it takes the ring");
	for (i = 0; i < COUNT(sets); i++) {
		queue = threads_queue(sets[i], 2 * NR, 0, 0);
		ck_assert_ok(kaio_ring_attach(&ring, faults_context));
		complete_some();
		tail = ring.header->tail;
		ring.header->tail = (tail + 1) % ring.nr;
		ck_assert_int_eq(kaio_queue_reap(queue, events, NR + 1), NR);
		ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
		ring.header->tail = tail;
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

Suite *suite_queue_indexes(void)
{
	const TTest *tests[] = {
		with_a_head_out_of_range_the_kernel_is_asked,
		with_a_tail_out_of_range_the_kernel_is_asked,
		no_more_come_out_of_the_ring_than_are_in_flight,
	};

	return harness_suite("queue: ring indexes", tests, COUNT(tests));
}
