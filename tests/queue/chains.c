/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Both layers: callbacks that push again, and that others depend upon. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	RUNS_MAX = 16, /* within each other */
	MANY = 1000
};

static struct kaio_queue *queue;
static struct kaio_transfer *transfer;
static unsigned calls;

static void call(struct kaio_op *op,
		 void (*complete)(struct kaio_op *, int64_t))
{
	fixture_good(&op->iocb);
	op->complete = complete;
	ck_assert_ok(kaio_queue_push(queue, &op->iocb));
}

static void push_bad_ones(struct kaio_op *op, int64_t res)
{
	ck_assert_int_eq(res, calls ? -EBADF : 1);
	if (++calls == 4)
		return;
	fixture_bad(&op->iocb);
	ck_assert_ok(kaio_queue_push(queue, &op->iocb));
}

START_TEST(a_run_counts_those_refused_after_callbacks_pushed_them)
{
	struct kaio_op op;

	queue = fixture_queue(4, 0);
	call(&op, push_bad_ones);
	ck_assert_int_eq(kaio_queue_run(queue, 4, KAIO_FOREVER), 4);
	ck_assert_uint_eq(calls, 4);
	ck_assert_int_eq(kaio_queue_run(queue, 4, KAIO_FOREVER), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static int polled[2];

static void ready_the_tenth_time(struct kaio_op *op, int64_t res)
{
	const uint64_t one = 1;
	size_t i;

	ck_assert_int_eq(res, 1);
	if (++calls < 10)
		ck_assert_ok(kaio_queue_push(queue, &op->iocb));
	for (i = 0; calls == 10 && i < COUNT(polled); i++)
		ck_assert_int_eq(write(polled[i], &one, sizeof(one)),
				 sizeof(one));
}

static void wait_for_what_a_chain_readies(uint32_t flags)
{
	const struct kaio_queue_params params = { .flags = flags };
	struct kaio_op op;
	unsigned i;

	calls = 0;
	ck_assert_ok(kaio_queue_create(&queue, 8, &params));
	ck_assert_ok(kaio_transfer_create(&transfer, queue, 2, 0));
	for (i = 0; i < COUNT(polled); i++) {
		polled[i] = eventfd(0, EFD_CLOEXEC);
		ck_assert_int_ge(polled[i], 0);
		kaio_prep_poll(kaio_transfer_iocb(transfer, i), polled[i],
			       POLLIN);
	}
	call(&op, ready_the_tenth_time);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_uint_eq(calls, 10);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
	for (i = 0; i < COUNT(polled); i++)
		close(polled[i]);
}

START_TEST(a_transfer_may_wait_for_what_a_chain_of_callbacks_does)
{
	wait_for_what_a_chain_readies(0);
	wait_for_what_a_chain_readies(KAIO_QUEUE_SHARED);
}
END_TEST

static struct greedy {
	struct kaio_op op;
	bool pushed;
} greedy[4];

static void take_all_room(struct kaio_op *op, int64_t res)
{
	size_t i;

	ck_assert_int_eq(res, 1);
	((struct greedy *)op)->pushed = false;
	/* Else a transfer that starves would do so for ever. */
	if (++calls >= MANY)
		return;
	for (i = 0; i < COUNT(greedy); i++)
		if (!greedy[i].pushed)
			greedy[i].pushed =
				kaio_queue_push(queue, &greedy[i].op.iocb) == 0;
}

START_TEST(a_callback_late_in_a_batch_starves_no_transfer)
{
	struct kaio_transfer *before;
	unsigned i;

	queue = fixture_queue(4, 0);
	ck_assert_ok(kaio_transfer_create(&before, queue, 3, 0));
	ck_assert_ok(kaio_transfer_create(&transfer, queue, 16, 0));
	for (i = 0; i < 3; i++)
		fixture_good(kaio_transfer_iocb(before, i));
	for (i = 0; i < 16; i++)
		fixture_good(kaio_transfer_iocb(transfer, i));
	for (i = 0; i < COUNT(greedy); i++) {
		fixture_good(&greedy[i].op.iocb);
		greedy[i].op.complete = take_all_room;
	}
	ck_assert_ok(kaio_transfer_post(before));
	greedy[0].pushed = true;
	ck_assert_ok(kaio_queue_push(queue, &greedy[0].op.iocb));
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_uint_lt(calls, MANY);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 16);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_transfer_release(before));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_chains(void)
{
	const TTest *tests[] = {
		a_run_counts_those_refused_after_callbacks_pushed_them,
		a_transfer_may_wait_for_what_a_chain_of_callbacks_does,
		a_callback_late_in_a_batch_starves_no_transfer,
	};

	return harness_both_ways("queue: chains", tests, COUNT(tests));
}
