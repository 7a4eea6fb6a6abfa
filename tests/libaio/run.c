/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: io_queue_run and the callbacks that it calls. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>

/* Of <sys/uio.h>, except with musl. */
#ifndef RWF_NOWAIT
#include <linux/fs.h>
#endif

#define NR 20

static unsigned called;
static struct {
	io_context_t ctx;
	struct iocb *iocb;
	long res, res2;
} calls[NR];

static void note(io_context_t ctx, struct iocb *iocb, long res, long res2)
{
	ck_assert_uint_lt(called, NR);
	calls[called].ctx = ctx;
	calls[called].iocb = iocb;
	calls[called].res = res;
	calls[called].res2 = res2;
	called++;
}

static void submit_with(io_context_t ctx, struct iocb *iocb, io_callback_t cb)
{
	struct iocb *list[] = { iocb };

	libaio_good(iocb, 0);
	io_set_callback(iocb, cb);
	ck_assert_call(io_submit(ctx, 1, list), 1);
}

START_TEST(each_completion_calls_its_callback_once)
{
	io_context_t ctx = NULL;
	struct iocb iocbs[NR];
	size_t i;

	ck_assert_call(io_queue_init(NR, &ctx), 0);
	ck_assert_call(io_queue_run(ctx), 0);
	for (i = 0; i < NR; i++)
		submit_with(ctx, &iocbs[i], note);
	ck_assert_call(io_queue_run(ctx), 0);
	ck_assert_uint_eq(called, NR);
	for (i = 0; i < NR; i++) {
		ck_assert_ptr_eq(calls[i].ctx, ctx);
		ck_assert_ptr_eq(calls[i].iocb, &iocbs[i]);
		ck_assert_int_eq(calls[i].res, 1);
		ck_assert_int_eq(calls[i].res2, 0);
	}
	ck_assert_call(io_queue_run(ctx), 0);
	ck_assert_uint_eq(called, NR);
	ck_assert_call(io_queue_release(ctx), 0);
}
END_TEST

START_TEST(a_callback_gets_a_negative_result)
{
	io_context_t ctx = libaio_context(1);
	char byte = 0;
	const struct iovec iov = { &byte, 1 };
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	int pipes[2];

	ck_assert_ok(pipe2(pipes, O_CLOEXEC));
	io_prep_preadv2(&iocb, pipes[0], &iov, 1, 0, RWF_NOWAIT);
	io_set_callback(&iocb, note);
	ck_assert_call(io_submit(ctx, 1, list), 1);
	ck_assert_call(io_queue_run(ctx), 0);
	ck_assert_uint_eq(called, 1);
	ck_assert_int_eq(calls[0].res, -EAGAIN);
	ck_assert_call(io_queue_release(ctx), 0);
}
END_TEST

static void submit_again(io_context_t ctx, struct iocb *iocb, long res,
			 long res2)
{
	note(ctx, iocb, res, res2);
	if (called < 5)
		submit_with(ctx, iocb, submit_again);
}

START_TEST(what_a_callback_submits_is_run)
{
	io_context_t ctx = libaio_context(1);
	struct iocb iocb;

	submit_with(ctx, &iocb, submit_again);
	ck_assert_call(io_queue_run(ctx), 0);
	ck_assert_uint_eq(called, 5);
	ck_assert_call(io_queue_release(ctx), 0);
}
END_TEST

static void run_the_rest(io_context_t ctx, struct iocb *iocb, long res,
			 long res2)
{
	struct timespec none = { 0, 0 };
	struct io_event event;

	note(ctx, iocb, res, res2);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &none), 1);
	ck_assert_ptr_eq(event.obj, iocb + 1);
	ck_assert_call(io_queue_run(ctx), 0);
	ck_assert_uint_eq(called, 3);
}

START_TEST(a_callback_may_reap_and_run_itself)
{
	io_context_t ctx = libaio_context(4);
	struct iocb iocbs[4];
	size_t i;

	for (i = 0; i < COUNT(iocbs); i++)
		submit_with(ctx, &iocbs[i], i == 0 ? run_the_rest : note);
	ck_assert_call(io_queue_run(ctx), 0);
	ck_assert_uint_eq(called, 3);
	ck_assert_ptr_eq(calls[2].iocb, &iocbs[3]);
	ck_assert_call(io_queue_release(ctx), 0);
}
END_TEST

static void release(io_context_t ctx, struct iocb *iocb, long res, long res2)
{
	note(ctx, iocb, res, res2);
	ck_assert_call(io_queue_release(ctx), 0);
}

START_TEST(a_callback_may_release_the_queue)
{
	io_context_t ctx = libaio_context(2);
	struct iocb iocbs[2];

	if (libaio_is_foreign())
		SKIP("libaio reads the unmapped ring");
	submit_with(ctx, &iocbs[0], release);
	submit_with(ctx, &iocbs[1], note);
	ck_assert_call(io_queue_run(ctx), -EINVAL);
	ck_assert_uint_eq(called, 1);
}
END_TEST

START_TEST(run_does_not_wait)
{
	io_context_t ctx = libaio_context(1);
	const uint64_t one = 1;
	struct iocb iocb;
	int fd = libaio_endless(&iocb, 0);

	ck_assert_call(io_poll(ctx, &iocb, note, fd, POLLIN), 1);
	ck_assert_call(io_queue_run(ctx), 0);
	ck_assert_uint_eq(called, 0);
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	ck_assert_call(io_queue_run(ctx), 0);
	ck_assert_uint_eq(called, 1);
	ck_assert_int_eq(calls[0].res, POLLIN);
	ck_assert_call(io_queue_release(ctx), 0);
	ck_assert_call(io_queue_run(NULL), -EINVAL);
}
END_TEST

Suite *suite_libaio_run(void)
{
	const TTest *tests[] = {
		each_completion_calls_its_callback_once,
		a_callback_gets_a_negative_result,
		what_a_callback_submits_is_run,
		a_callback_may_reap_and_run_itself,
		a_callback_may_release_the_queue,
		run_does_not_wait,
	};

	return libaio_suite("libaio: run", tests, COUNT(tests));
}
