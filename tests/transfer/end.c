/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The transfer layer: transfers that end while they are active, by release, by
 * the end of their queue, or in a child. Of their memory nothing is left at
 * the end.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR 6

static long before;

static void begin(void)
{
	before = faults_allocated;
}

static void expect_all_freed(void)
{
	ck_assert_int_eq(faults_allocated, before);
}

/* One that is done, one that is not, and four more. */
static struct kaio_transfer *posted(struct kaio_queue *queue)
{
	struct kaio_transfer *transfer = fixture_transfer(queue, NR);

	fixture_endless(kaio_transfer_iocb(transfer, 1));
	ck_assert_ok(kaio_transfer_post(transfer));
	return transfer;
}

START_TEST(release_drops_what_the_kernel_does_not_have)
{
	unsigned depth, backlog, driven;

	begin();
	for (depth = 1; depth <= NR + 1; depth++) {
		for (backlog = 0; backlog <= NR; backlog += 3) {
			for (driven = 0; driven < 3; driven++) {
				struct kaio_queue *queue =
					fixture_queue(depth, backlog);
				struct kaio_transfer *transfer = posted(queue);
				unsigned i;

				for (i = 0; i < driven; i++)
					ck_assert_int_eq(
						kaio_transfer_test(transfer),
						-EINPROGRESS);
				faults_nr_taken = 0;
				ck_assert_ok(kaio_transfer_release(transfer));
				ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
				while (kaio_queue_run(queue, NR, KAIO_FOREVER))
					;
				ck_assert_uint_eq(faults_nr_taken, 0);
				ck_assert_ok(kaio_queue_destroy(queue));
				expect_all_freed();
			}
		}
	}
}
END_TEST

START_TEST(what_was_released_is_freed_with_its_last_operation)
{
	const uint32_t flags[] = { 0, KAIO_QUEUE_WAKE, KAIO_QUEUE_SHARED };
	unsigned i;

	for (i = 0; i < 2 * COUNT(flags); i++) {
		struct kaio_queue_params params = { .flags = flags[i / 2],
						    .backlog = NR };
		struct kaio_transfer *idle = NULL;
		struct kaio_queue *queue = NULL;

		ck_assert_ok(kaio_queue_create(&queue, NR - i % 2, &params));
		ck_assert_ok(kaio_transfer_create(&idle, queue, 1, 0));
		begin();
		ck_assert_ok(kaio_transfer_release(posted(queue)));
		while (kaio_queue_run(queue, NR, KAIO_FOREVER))
			;
		expect_all_freed();
		ck_assert_ok(kaio_transfer_release(idle));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

/* Until the kernel has the second operation, which does not complete. */
static void run_to_the_second(struct kaio_queue *queue,
			      struct kaio_transfer *transfer)
{
	while (kaio_transfer_result(transfer, 0) == -EINPROGRESS ||
	       !kaio_queue_inflight(queue))
		ck_assert_int_eq(kaio_transfer_wait(transfer, 1000000),
				 -EINPROGRESS);
}

START_TEST(release_leaves_others_in_the_backlog_alone)
{
	struct kaio_queue *queue = fixture_queue(1, 30);
	struct kaio_transfer *first = posted(queue);
	struct kaio_transfer *second = posted(queue);
	struct kaio_transfer *third = posted(queue);

	ck_assert_ok(kaio_transfer_release(second));
	ck_assert_uint_eq(kaio_queue_backlog(queue), 2 * NR - 1);
	run_to_the_second(queue, first);
	ck_assert_ok(kaio_queue_cancel(queue, kaio_transfer_iocb(first, 1)));
	ck_assert_ok(kaio_transfer_wait(first, KAIO_FOREVER));
	ck_assert_int_eq(kaio_transfer_result(first, NR - 1), 1);
	run_to_the_second(queue, third);
	ck_assert_int_eq(kaio_queue_cancel(queue, kaio_transfer_iocb(third, 2)),
			 0);
	ck_assert_ok(kaio_queue_cancel(queue, kaio_transfer_iocb(third, 1)));
	ck_assert_int_eq(kaio_transfer_wait(third, KAIO_FOREVER), -ECANCELED);
	ck_assert_int_eq(kaio_transfer_result(third, 2), -ECANCELED);
	ck_assert_int_eq(kaio_transfer_result(third, 3), 1);
	ck_assert_ok(kaio_transfer_release(first));
	ck_assert_ok(kaio_transfer_release(third));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(the_end_of_the_queue_is_ecanceled)
{
	unsigned depth;

	begin();
	for (depth = 1; depth <= NR + 1; depth++) {
		struct kaio_queue *queue = fixture_queue(depth, depth % 3);
		struct kaio_transfer *transfer = posted(queue);
		struct kaio_transfer *other = posted(queue);
		struct kaio_transfer *idle = NULL;

		ck_assert_ok(kaio_transfer_create(&idle, queue, 1, 0));
		fixture_bad(kaio_transfer_iocb(idle, 0));
		ck_assert_int_eq(kaio_transfer_test(transfer), -EINPROGRESS);
		ck_assert_ok(kaio_transfer_release(other));
		ck_assert_ok(kaio_transfer_post(idle));
		while (depth > 1 && kaio_transfer_test(idle) == -EINPROGRESS)
			;
		ck_assert_ok(kaio_queue_destroy(queue));

		ck_assert_int_eq(kaio_transfer_test(transfer), -ECANCELED);
		ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
				 -ECANCELED);
		ck_assert_int_eq(kaio_transfer_result(transfer, 0), 1);
		ck_assert_int_eq(kaio_transfer_result(transfer, 1), -ECANCELED);
		ck_assert_int_ge(kaio_transfer_bytes(transfer), 1);
		ck_assert_int_eq(kaio_transfer_test(idle),
				 depth > 1 ? -EBADF : -ECANCELED);
		ck_assert_int_eq(kaio_transfer_post(transfer), -ECANCELED);
		ck_assert_int_eq(kaio_transfer_post(idle), -ECANCELED);
		ck_assert_ptr_nonnull(kaio_transfer_iocb(transfer, 0));
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_transfer_release(idle));
		expect_all_freed();
	}
}
END_TEST

START_TEST(the_end_of_the_queue_frees_what_was_released)
{
	struct kaio_queue *queue;
	int i;

	begin();
	queue = fixture_queue(NR, NR);
	for (i = 0; i < 4; i++)
		ck_assert_ok(kaio_transfer_release(posted(queue)));
	ck_assert_ok(kaio_queue_destroy(queue));
	expect_all_freed();
}
END_TEST

static struct releaser {
	struct kaio_op op;
	struct kaio_transfer *transfer;
} releaser;

static void release(struct kaio_op *op, int64_t res)
{
	(void)res;
	ck_assert_ok(kaio_transfer_release(((struct releaser *)op)->transfer));
}

static void release_in_callback(unsigned depth, bool pushed_first,
				int (*finish)(struct kaio_transfer *))
{
	struct kaio_queue *queue = fixture_queue(depth, NR);
	int ret;

	fixture_good(&releaser.op.iocb);
	releaser.op.complete = release;
	if (pushed_first)
		ck_assert_ok(kaio_queue_push(queue, &releaser.op.iocb));
	releaser.transfer = posted(queue);
	if (!pushed_first)
		ck_assert_ok(kaio_queue_push(queue, &releaser.op.iocb));
	/* Its poll would keep a queue of depth 1 from what is behind it. */
	while (depth == 1 && !pushed_first &&
	       kaio_queue_cancel(queue,
				 kaio_transfer_iocb(releaser.transfer, 1)))
		ck_assert_int_eq(kaio_transfer_test(releaser.transfer),
				 -EINPROGRESS);
	do
		ret = finish(releaser.transfer);
	while (ret == -EINPROGRESS);
	ck_assert_int_eq(ret, -ECANCELED);
	while (kaio_queue_run(queue, NR, KAIO_FOREVER))
		;
	ck_assert_ok(kaio_queue_destroy(queue));
	expect_all_freed();
}

static int wait_forever(struct kaio_transfer *transfer)
{
	return kaio_transfer_wait(transfer, KAIO_FOREVER);
}

START_TEST(a_callback_may_release_what_is_tested_or_waited_for)
{
	unsigned depth;

	begin();
	for (depth = 1; depth <= NR + 2; depth++) {
		release_in_callback(depth, true, kaio_transfer_test);
		release_in_callback(depth, true, wait_forever);
		release_in_callback(depth, false, kaio_transfer_test);
		release_in_callback(depth, false, wait_forever);
	}
}
END_TEST

static int misuse(struct kaio_queue *queue, struct kaio_transfer *transfer)
{
	struct kaio_transfer *new;

	return !(kaio_transfer_create(&new, queue, 1, 0) == -ECHILD &&
		 kaio_transfer_post(transfer) == -ECHILD &&
		 kaio_transfer_test(transfer) == -ECHILD &&
		 kaio_transfer_wait(transfer, KAIO_FOREVER) == -ECHILD &&
		 kaio_transfer_result(transfer, 0) == -ECHILD &&
		 kaio_transfer_bytes(transfer) == -ECHILD &&
		 kaio_transfer_release(transfer) == -ECHILD &&
		 kaio_queue_destroy(queue) == -ECHILD);
}

START_TEST(a_child_is_refused_and_the_parent_loses_nothing)
{
	struct kaio_queue *queue = fixture_queue(2, 2);
	struct kaio_transfer *transfer = posted(queue);
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(misuse(queue, transfer));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_int_eq(kaio_transfer_wait(transfer, 1000000), -EINPROGRESS);
	ck_assert_ok(kaio_queue_cancel(queue, kaio_transfer_iocb(transfer, 1)));
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_int_eq(kaio_transfer_bytes(transfer), NR - 1);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_transfer_end(void)
{
	const TTest *tests[] = {
		release_drops_what_the_kernel_does_not_have,
		what_was_released_is_freed_with_its_last_operation,
		release_leaves_others_in_the_backlog_alone,
		the_end_of_the_queue_is_ecanceled,
		the_end_of_the_queue_frees_what_was_released,
		a_callback_may_release_what_is_tested_or_waited_for,
		a_child_is_refused_and_the_parent_loses_nothing,
	};

	return harness_both_ways("transfer: end", tests, COUNT(tests));
}
