/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: callbacks that do not return, or not soon. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>

#define NR 4

static const uint32_t flag_sets[] = {
	0,
	KAIO_QUEUE_WAKE,
	KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED,
	KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD,
};

static struct kaio_queue *queue;
static struct kaio_transfer *transfer;
static struct kaio_op ops[NR];
static int called;
static jmp_buf jump;

static void jump_in_the_first_two(struct kaio_op *op, int64_t res)
{
	(void)op;
	ck_assert_int_eq(res, 1);
	if (++called <= 2)
		longjmp(jump, 1);
}

static void push_all(uint32_t flags,
		     void (*complete)(struct kaio_op *op, int64_t res))
{
	size_t i;

	called = 0;
	queue = threads_queue(flags, NR, NR, 0);
	for (i = 0; i < NR; i++) {
		fixture_good(&ops[i].iocb);
		ops[i].complete = complete;
		ck_assert_ok(kaio_queue_push(queue, &ops[i].iocb));
	}
}

/* What is left can be seen in the eventfd. */
static void ck_assert_readable(void)
{
	struct pollfd fd = { kaio_queue_eventfd(queue), POLLIN, 0 };

	if (fd.fd >= 0)
		ck_assert_int_eq(poll(&fd, 1, 0), 1);
}

static void ck_assert_all_called(void)
{
	ck_assert_int_eq(called, NR);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
	ck_assert_int_eq(kaio_queue_run(queue, 0, 0), 0);
}

static void run_all(void)
{
	(void)setjmp(jump);
	if (called)
		ck_assert_readable();
	while (called < NR)
		ck_assert_int_gt(kaio_queue_run(queue, 1, KAIO_FOREVER), 0);
}

START_TEST(a_jump_out_of_run_leaves_the_rest_for_the_next)
{
	size_t i;

	for (i = 0; i < COUNT(flag_sets); i++) {
		push_all(flag_sets[i], jump_in_the_first_two);
		ck_assert_int_eq(kaio_queue_submit(queue), NR);
		run_all();
		ck_assert_all_called();
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

/* The transfer's operations come last. */
static void run_transfer(bool waits)
{
	int ret = -EINPROGRESS;

	(void)setjmp(jump);
	if (called && called < NR)
		ck_assert_readable();
	while (kaio_transfer_active(transfer)) {
		ret = waits ? kaio_transfer_wait(transfer, KAIO_FOREVER)
			    : kaio_transfer_test(transfer);
		ck_assert(ret == 0 || ret == -EINPROGRESS);
	}
	ck_assert_int_eq(kaio_transfer_test(transfer), 0);
}

static void jump_out_of_transfer(bool waits)
{
	size_t i;

	for (i = 0; i < COUNT(flag_sets); i++) {
		push_all(flag_sets[i], jump_in_the_first_two);
		transfer = fixture_transfer(queue, 2 * NR);
		ck_assert_ok(kaio_transfer_post(transfer));
		run_transfer(waits);
		ck_assert_all_called();
		ck_assert_int_eq(kaio_transfer_bytes(transfer), 2 * NR);
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}

START_TEST(a_jump_out_of_transfer_wait_leaves_the_rest_for_the_next)
{
	jump_out_of_transfer(true);
}
END_TEST

START_TEST(a_jump_out_of_transfer_test_leaves_the_rest_for_the_next)
{
	jump_out_of_transfer(false);
}
END_TEST

static void exit_in_the_first(struct kaio_op *op, int64_t res)
{
	(void)op;
	ck_assert_int_eq(res, 1);
	if (++called == 1)
		pthread_exit(&called);
}

static void be_cancelled_in_the_first(struct kaio_op *op, int64_t res)
{
	(void)op;
	ck_assert_int_eq(res, 1);
	if (++called == 1) {
		pthread_cancel(pthread_self());
		pthread_testcancel();
	}
}

static void end_thread_in(void (*complete)(struct kaio_op *op, int64_t res),
			  void *expected)
{
	const uint32_t sets[] = {
		KAIO_QUEUE_SHARED,
		KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD,
	};
	struct waiter waiter;
	void *result;
	size_t i;
	int way;

	for (i = 0; i < 2 * COUNT(sets); i++) {
		way = i % 2 ? BY_RUN : BY_TRANSFER_WAIT;
		push_all(sets[i / 2], complete);
		threads_start(&waiter, queue, (enum way)way);
		ck_assert_ok(pthread_join(waiter.thread, &result));
		ck_assert_ptr_eq(result, expected);
		ck_assert_readable();
		while (called < NR)
			ck_assert_int_gt(kaio_queue_run(queue, 1, KAIO_FOREVER),
					 0);
		if (waiter.transfer)
			ck_assert_ok(kaio_transfer_cancel(waiter.transfer));
		while (waiter.transfer && kaio_transfer_active(waiter.transfer))
			kaio_queue_run(queue, 1, KAIO_FOREVER);
		ck_assert_all_called();
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}

START_TEST(a_thread_may_end_in_a_callback)
{
	end_thread_in(exit_in_the_first, &called);
}
END_TEST

START_TEST(a_thread_may_be_cancelled_in_a_callback)
{
	end_thread_in(be_cancelled_in_the_first, PTHREAD_CANCELED);
}
END_TEST

static sem_t entered, may_return;

static void block(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
	sem_post(&entered);
	while (sem_wait(&may_return) < 0)
		;
}

static void count(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
	called++;
}

/* In this way waits the thread that has nothing to do with the callback. */
static void collect_beside_callback(enum way blocked_way, enum way way,
				    uint32_t flags)
{
	struct kaio_op blocking = { .complete = block };
	struct kaio_op op = { .complete = count };
	struct waiter blocked, waiter;

	queue = threads_queue(flags, 8, 0, 0);
	threads_push_poll(queue, &blocking);
	threads_push_poll(queue, &op);
	threads_start(&blocked, queue, blocked_way);
	threads_sleep(queue, 1);
	threads_end_poll(&blocking);
	while (sem_wait(&entered) < 0)
		;
	threads_start(&waiter, queue, way);
	threads_sleep(queue, 1);
	if (way == BY_DRAIN && blocked.transfer)
		ck_assert_ok(kaio_transfer_cancel(blocked.transfer));
	if (way == BY_TRANSFER_WAIT)
		ck_assert_ok(kaio_transfer_cancel(waiter.transfer));
	else
		threads_end_poll(&op);
	threads_join(&waiter);
	ck_assert_int_eq(waiter.ret, way == BY_DRAIN	       ? 0
				     : way == BY_TRANSFER_WAIT ? -ECANCELED
							       : 1);
	sem_post(&may_return);
	if (blocked.transfer)
		ck_assert_ok(kaio_transfer_cancel(blocked.transfer));
	threads_join(&blocked);
	ck_assert_ok(kaio_queue_destroy(queue));
}

/* What waits for a slot has it before the thread that frees one goes on. */
static void free_slot(enum way way)
{
	struct kaio_op op = { .complete = block };
	struct waiter taker, waiter;

	queue = threads_queue(KAIO_QUEUE_SHARED, 1, 0, 0);
	threads_push_poll(queue, &op);
	threads_start(&taker, queue, way);
	threads_sleep(queue, 1);
	threads_start(&waiter, queue, BY_TRANSFER_WAIT);
	threads_sleep(queue, 2);
	threads_end_poll(&op);
	if (way == BY_WAIT)
		threads_join(&taker);
	else
		while (sem_wait(&entered) < 0)
			;
	ck_assert_uint_eq(kaio_queue_inflight(queue), 1);
	ck_assert_ok(kaio_transfer_cancel(waiter.transfer));
	threads_join(&waiter);
	ck_assert_int_eq(waiter.ret, -ECANCELED);
	if (way == BY_RUN) {
		sem_post(&may_return);
		threads_join(&taker);
	}
	ck_assert_int_eq(taker.ret, 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(a_slot_is_for_the_transfer_of_another_thread_at_once)
{
	sem_init(&entered, 0, 0);
	sem_init(&may_return, 0, 0);
	free_slot(BY_WAIT);
	free_slot(BY_RUN);
}
END_TEST

START_TEST(a_callback_that_blocks_stops_no_other_thread)
{
	const uint32_t flags = KAIO_QUEUE_SHARED;
	int way;

	sem_init(&entered, 0, 0);
	sem_init(&may_return, 0, 0);
	for (way = 0; way < NR_WAYS; way++) {
		collect_beside_callback(BY_RUN, (enum way)way, flags);
		collect_beside_callback(BY_TRANSFER_WAIT, (enum way)way, flags);
		collect_beside_callback(BY_RUN, (enum way)way,
					flags | KAIO_QUEUE_WAKE |
						KAIO_QUEUE_EVENTFD);
	}
}
END_TEST

Suite *suite_queue_callbacks(void)
{
	const TTest *tests[] = {
		a_jump_out_of_run_leaves_the_rest_for_the_next,
		a_jump_out_of_transfer_wait_leaves_the_rest_for_the_next,
		a_jump_out_of_transfer_test_leaves_the_rest_for_the_next,
		a_thread_may_end_in_a_callback,
		a_thread_may_be_cancelled_in_a_callback,
		a_callback_that_blocks_stops_no_other_thread,
		a_slot_is_for_the_transfer_of_another_thread_at_once,
	};

	return harness_both_ways("queue: callbacks", tests, COUNT(tests));
}
