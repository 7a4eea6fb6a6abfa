/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The transfer layer: releasing large transfers, and those that were left. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <setjmp.h>
#include <string.h>
#include <sys/syscall.h>

#define POLLS 32768

static struct kaio_transfer *endless(struct kaio_queue *queue, unsigned nr)
{
	struct kaio_transfer *transfer = fixture_transfer(queue, nr);
	unsigned i;

	for (i = 0; i < nr; i++)
		fixture_endless(kaio_transfer_iocb(transfer, i));
	return transfer;
}

static void release_many(unsigned depth, unsigned backlog, unsigned most)
{
	const struct kaio_queue_params params = { .backlog = backlog };
	long before = faults_allocated;
	struct kaio_transfer *transfer;
	struct kaio_queue *queue;
	int ret = kaio_queue_create(&queue, depth, &params);

	if (ret < 0)
		SKIP("a queue of %u: %s", depth, strerror(-ret));
	transfer = endless(queue, POLLS);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_uint_eq(kaio_queue_inflight(queue), depth);
	faults_reset();
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_uint_le(faults_calls(SYS_io_cancel), most);
	ck_assert_uint_eq(faults_calls(SYS_io_submit), 0);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 0);
	while (kaio_queue_run(queue, POLLS, KAIO_FOREVER) > 0)
		;
	ck_assert_int_eq(faults_allocated, before);
	ck_assert_uint_eq(faults_nr_taken, 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}

/* Were it quadratic, Check's timeout would end it. */
START_TEST(each_poll_in_flight_is_cancelled_by_one_call)
{
	if (harness_is_under_valgrind())
		SKIP("so many polls take it minutes");
	release_many(POLLS, 0, POLLS);
	release_many(16, POLLS - 16, POLLS);
	release_many(16, 0, 16);
}
END_TEST

static const uint32_t flag_sets[] = { 0, KAIO_QUEUE_EVENTFD, KAIO_QUEUE_SHARED,
				      KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE };
static jmp_buf out;

static void leave(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
	longjmp(out, 1);
}

static void leave_from_done(struct kaio_transfer *transfer, int status,
			    void *data)
{
	(void)transfer;
	(void)status;
	(void)data;
	longjmp(out, 1);
}

static __attribute__((noinline)) void wait_for(struct kaio_transfer *transfer)
{
	kaio_transfer_wait(transfer, KAIO_FOREVER);
	ck_abort_msg("the callback has returned");
}

/* The wait that was left has a reference; the queue's end takes it. */
static void leave_wait(uint32_t flags, bool active, bool released)
{
	const struct kaio_queue_params params = { .flags = flags };
	static struct kaio_op op;
	struct kaio_transfer *transfer;
	struct kaio_queue *queue;

	ck_assert_ok(kaio_queue_create(&queue, 8, &params));
	transfer = endless(queue, 20);
	fixture_good(&op.iocb);
	op.complete = leave;
	ck_assert_ok(kaio_queue_push(queue, &op.iocb));
	ck_assert_ok(kaio_transfer_post(transfer));
	if (!setjmp(out))
		wait_for(transfer);
	ck_assert_int_eq(kaio_transfer_active(transfer), 1);
	if (!active) {
		ck_assert_ok(kaio_transfer_cancel(transfer));
		ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
				 -ECANCELED);
	}
	if (released)
		ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
	if (!released) {
		ck_assert_int_eq(kaio_transfer_test(transfer), -ECANCELED);
		ck_assert_ok(kaio_transfer_release(transfer));
	}
}

START_TEST(what_a_callback_left_is_freed_with_its_queue)
{
	long before = faults_allocated;
	size_t set;
	int how;

	for (set = 0; set < COUNT(flag_sets); set++) {
		for (how = 0; how < 4; how++) {
			leave_wait(flag_sets[set], how & 1, how & 2);
			ck_assert_int_eq(faults_allocated, before);
		}
	}
}
END_TEST

START_TEST(done_may_be_left_and_the_transfer_posted_again)
{
	const struct kaio_transfer_params params = { .done = leave_from_done };
	volatile size_t set;
	volatile int posts;

	for (set = 0; set < COUNT(flag_sets); set++) {
		const struct kaio_queue_params flags = {
			.flags = flag_sets[set]
		};
		long before = faults_allocated;
		struct kaio_transfer *transfer;
		struct kaio_queue *queue;

		ck_assert_ok(kaio_queue_create(&queue, 8, &flags));
		ck_assert_ok(
			kaio_transfer_create(&transfer, queue, 1, &params));
		fixture_good(kaio_transfer_iocb(transfer, 0));
		for (posts = 0; posts < 3; posts++) {
			ck_assert_ok(kaio_transfer_post(transfer));
			if (!setjmp(out))
				wait_for(transfer);
			ck_assert_ok(kaio_transfer_test(transfer));
		}
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
		ck_assert_int_eq(faults_allocated, before);
	}
}
END_TEST

START_TEST(with_the_context_gone_it_is_not_cancelled_but_released)
{
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_transfer *transfer = fixture_transfer(queue, 1);
	struct kaio_event event;

	fixture_endless(kaio_transfer_iocb(transfer, 0));
	ck_assert_ok(kaio_transfer_post(transfer));
	faults_destroy_context(true);
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER),
			 -EINVAL);
	ck_assert_int_eq(kaio_transfer_cancel(transfer), -EINVAL);
	ck_assert_int_eq(kaio_transfer_test(transfer), -EINVAL);
	ck_assert_int_eq(kaio_transfer_active(transfer), 1);
	ck_assert_ok(kaio_transfer_release(transfer));
	faults_destroy_context(false);
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_int_eq(faults_allocated, 0);
}
END_TEST

Suite *suite_transfer_release(void)
{
	const TTest *tests[] = {
		with_the_context_gone_it_is_not_cancelled_but_released,
		each_poll_in_flight_is_cancelled_by_one_call,
		what_a_callback_left_is_freed_with_its_queue,
		done_may_be_left_and_the_transfer_posted_again,
	};

	return harness_both_ways("transfer: release", tests, COUNT(tests));
}
