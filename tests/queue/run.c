/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: callbacks, and what they may do to the queue. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/syscall.h>

struct call {
	struct kaio_op op; /* first: a callback gets its address */
	struct kaio_queue *queue;
	int64_t res;
	unsigned calls;
};

static void note(struct kaio_op *op, int64_t res)
{
	struct call *call = (struct call *)op;

	call->res = res;
	call->calls++;
}

static void push_call(struct call *call, struct kaio_queue *queue,
		      void (*prepare)(struct kaio_iocb *),
		      void (*complete)(struct kaio_op *, int64_t))
{
	prepare(&call->op.iocb);
	call->op.complete = complete;
	call->queue = queue;
	call->calls = 0;
	ck_assert_ok(kaio_queue_push(queue, &call->op.iocb));
}

START_TEST(each_operation_is_called_back_once_with_its_result)
{
	struct kaio_queue *queue = fixture_queue(2, 8);
	struct kaio_queue_stats stats;
	struct call calls[6];
	size_t i;

	for (i = 0; i < COUNT(calls); i++)
		push_call(&calls[i], queue, i == 2 ? fixture_bad : fixture_good,
			  note);
	ck_assert_ok(kaio_queue_cancel(queue, &calls[4].op.iocb));
	ck_assert_int_eq(kaio_queue_run(queue, 6, KAIO_FOREVER), 6);
	for (i = 0; i < COUNT(calls); i++) {
		ck_assert_uint_eq(calls[i].calls, 1);
		ck_assert_int_eq(calls[i].res, i == 2	? -EBADF
					       : i == 4 ? -ECANCELED
							: 1);
	}
	ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER), 0);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.completed, 6);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(run_refuses_bad_arguments)
{
	struct kaio_queue *queue = fixture_queue(1, 0);

	ck_assert_int_eq(kaio_queue_run(NULL, 0, 0), -EINVAL);
	ck_assert_int_eq(kaio_queue_run(queue, 1, -2), -EINVAL);
	ck_assert_int_eq(kaio_queue_run(queue, 1 + (unsigned)INT_MAX, 0),
			 -EINVAL);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(run_ends_at_its_deadline_and_at_a_signal)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct call calls[2];

	push_call(&calls[0], queue, fixture_endless, note);
	push_call(&calls[1], queue, fixture_good, note);
	ck_assert_int_eq(kaio_queue_run(queue, 2, 1000000), 1);
	ck_assert_int_eq(kaio_queue_run(queue, 1, 1000000), 0);
	ck_assert_int_eq(kaio_queue_run(queue, 1, 0), 0);
	fixture_signals();
	ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER), -EINTR);
	push_call(&calls[1], queue, fixture_good, note);
	ck_assert_int_eq(kaio_queue_run(queue, 2, KAIO_FOREVER), 1);
	fixture_no_signals();
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(errors_of_getevents_are_reported_and_lose_nothing)
{
	const int errors[] = { EPERM, ENOSYS };
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct call call;
	size_t i;

	push_call(&call, queue, fixture_endless, note);
	for (i = 0; i < COUNT(errors); i++) {
		faults_fail(SYS_io_getevents, errors[i], 1000);
		faults_fail(SYS_io_pgetevents, errors[i], 1000);
		ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER),
				 -errors[i]);
	}
	faults_reset();
	ck_assert_ok(kaio_queue_cancel(queue, &call.op.iocb));
	ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER), 1);
	ck_assert_uint_eq(call.calls, 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static intptr_t stack_of_first;

static void push_again(struct kaio_op *op, int64_t res)
{
	struct call *call = (struct call *)op;
	char here;

	/* Never one within another: the stack would grow with each. */
	if (call->calls++ == 0)
		stack_of_first = (intptr_t)&here;
	ck_assert_int_lt(labs(stack_of_first - (intptr_t)&here), 4096);
	call->res = res;
	ck_assert_ok(kaio_queue_push(call->queue, &op->iocb));
}

START_TEST(a_chain_neither_recurses_nor_keeps_the_caller)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct call chain;
	struct call other;
	unsigned i;

	push_call(&chain, queue, fixture_good, push_again);
	for (i = 1; i <= 10000; i++) {
		ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER), 1);
		ck_assert_uint_eq(chain.calls, i);
	}
	/* Asked for more, it goes on; and others have their turn. */
	push_call(&other, queue, fixture_good, note);
	ck_assert_int_ge(kaio_queue_run(queue, 100, KAIO_FOREVER), 100);
	ck_assert_uint_eq(other.calls, 1);
	ck_assert_int_eq(kaio_queue_run(queue, 0, 0), 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(what_a_callback_pushed_is_submitted_before_the_next_sleep)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_queue_stats stats;
	struct call call;

	push_call(&call, queue, fixture_good, push_again);
	ck_assert_int_eq(kaio_queue_run(queue, 20, KAIO_FOREVER), 20);
	kaio_queue_stats(queue, &stats);
	/* The last of them before it returned: an event loop waits for it. */
	ck_assert_uint_eq(stats.submit_calls, 21);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
	if (harness_has_ring())
		ck_assert_uint_eq(stats.getevents_calls, 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static unsigned nested_handled;

static void run_the_rest(struct kaio_op *op, int64_t res)
{
	struct call *call = (struct call *)op;
	int ret;

	note(op, res);
	ret = kaio_queue_run(call->queue, 100, KAIO_FOREVER);
	ck_assert_int_ge(ret, 0);
	nested_handled += (unsigned)ret;
}

START_TEST(a_callback_that_runs_the_queue_goes_on_with_the_same_batch)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct call calls[8];
	size_t i;

	for (i = 0; i < COUNT(calls); i++)
		push_call(&calls[i], queue, fixture_good,
			  i == 1 ? run_the_rest : note);
	ck_assert_int_eq(kaio_queue_run(queue, 8, KAIO_FOREVER), 2);
	ck_assert_uint_eq(nested_handled, 6);
	for (i = 0; i < COUNT(calls); i++)
		ck_assert_uint_eq(calls[i].calls, 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static unsigned depth;

static void dig(struct kaio_op *op, int64_t res)
{
	struct call *call = (struct call *)op;

	note(op, res);
	depth++;
	ck_assert_int_ge(kaio_queue_run(call->queue, 1, KAIO_FOREVER), 0);
}

START_TEST(runs_within_each_other_are_not_limited)
{
	enum {
		NR = 100
	};
	struct kaio_queue *queue = fixture_queue(NR, 0);
	struct call calls[NR];
	size_t i;

	for (i = 0; i < NR; i++)
		push_call(&calls[i], queue, fixture_good, dig);
	ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER), 1);
	ck_assert_uint_eq(depth, NR);
	for (i = 0; i < NR; i++)
		ck_assert_uint_eq(calls[i].calls, 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static struct call *victim;

static void cancel_the_victim(struct kaio_op *op, int64_t res)
{
	struct call *call = (struct call *)op;

	note(op, res);
	ck_assert_ok(kaio_queue_cancel(call->queue, &victim->op.iocb));
}

START_TEST(a_callback_may_cancel_and_submit)
{
	struct kaio_queue *queue = fixture_queue(1, 2);
	struct call calls[3];

	push_call(&calls[0], queue, fixture_good, cancel_the_victim);
	push_call(&calls[1], queue, fixture_endless, note);
	push_call(&calls[2], queue, fixture_good, note);
	victim = &calls[2];
	ck_assert_int_eq(kaio_queue_run(queue, 2, KAIO_FOREVER), 2);
	ck_assert_int_eq(calls[2].res, -ECANCELED);
	ck_assert_uint_eq(calls[1].calls, 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_run(void)
{
	const TTest *tests[] = {
		each_operation_is_called_back_once_with_its_result,
		run_refuses_bad_arguments,
		run_ends_at_its_deadline_and_at_a_signal,
		errors_of_getevents_are_reported_and_lose_nothing,
		a_chain_neither_recurses_nor_keeps_the_caller,
		what_a_callback_pushed_is_submitted_before_the_next_sleep,
		a_callback_that_runs_the_queue_goes_on_with_the_same_batch,
		runs_within_each_other_are_not_limited,
		a_callback_may_cancel_and_submit,
	};

	return harness_both_ways("queue: run", tests, COUNT(tests));
}
