/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The transfer layer: what a wait waits for, and what cuts it short. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

#define MILLISECOND INT64_C(1000000)

static struct kaio_queue *queue_of(uint32_t flags)
{
	const struct kaio_queue_params params = { .backlog = 8,
						  .flags = flags };
	struct kaio_queue *queue = NULL;

	ck_assert_ok(kaio_queue_create(&queue, 8, &params));
	return queue;
}

static struct kaio_transfer *transfer_of(struct kaio_queue *queue,
					 void (*prepare)(struct kaio_iocb *))
{
	struct kaio_transfer *transfer = NULL;

	ck_assert_ok(kaio_transfer_create(&transfer, queue, 2, 0));
	prepare(kaio_transfer_iocb(transfer, 0));
	fixture_good(kaio_transfer_iocb(transfer, 1));
	return transfer;
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static const uint32_t kinds[] = { 0, KAIO_QUEUE_WAKE, KAIO_QUEUE_SHARED,
				  KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE };

START_TEST(a_wait_ends_at_its_deadline)
{
	const int64_t timeouts[] = { 0, 1, MILLISECOND, 20 * MILLISECOND };
	size_t kind, i;

	for (kind = 0; kind < COUNT(kinds); kind++) {
		struct kaio_queue *queue = queue_of(kinds[kind]);
		struct kaio_transfer *transfer =
			transfer_of(queue, fixture_endless);

		ck_assert_ok(kaio_transfer_post(transfer));
		for (i = 0; i < COUNT(timeouts); i++) {
			int64_t start = now();

			ck_assert_int_eq(
				kaio_transfer_wait(transfer, timeouts[i]),
				-EINPROGRESS);
			ck_assert_int_ge(now() - start, timeouts[i]);
		}
		ck_assert_int_eq(kaio_transfer_result(transfer, 1), 1);
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

static void again(struct kaio_op *op, int64_t res);

static struct chain {
	struct kaio_op op;
	struct kaio_queue *queue;
} chain = { .op.complete = again };

static void again(struct kaio_op *op, int64_t res)
{
	ck_assert_int_eq(res, 1);
	ck_assert_ok(kaio_queue_push(((struct chain *)op)->queue, &op->iocb));
}

START_TEST(the_completions_of_others_do_not_put_the_deadline_off)
{
	size_t kind;

	for (kind = 0; kind < COUNT(kinds); kind++) {
		struct kaio_queue *queue = queue_of(kinds[kind]);
		struct kaio_transfer *transfer =
			transfer_of(queue, fixture_endless);

		chain.queue = queue;
		fixture_good(&chain.op.iocb);
		ck_assert_ok(kaio_queue_push(queue, &chain.op.iocb));
		ck_assert_ok(kaio_transfer_post(transfer));
		ck_assert_int_eq(kaio_transfer_wait(transfer, 10 * MILLISECOND),
				 -EINPROGRESS);
		ck_assert_int_eq(kaio_transfer_test(transfer), -EINPROGRESS);
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(a_signal_ends_a_wait)
{
	size_t kind;

	fixture_signals();
	for (kind = 0; kind < COUNT(kinds); kind++) {
		struct kaio_queue *queue = queue_of(kinds[kind]);
		struct kaio_transfer *transfer =
			transfer_of(queue, fixture_endless);
		int i;

		ck_assert_ok(kaio_transfer_post(transfer));
		while (kaio_transfer_test(transfer) == -EINPROGRESS &&
		       kaio_transfer_result(transfer, 1) == -EINPROGRESS)
			;
		for (i = 0; i < 10; i++) {
			int ret = kaio_transfer_wait(transfer, KAIO_FOREVER);

			ck_assert_int_eq(ret, -EINTR);
			ck_assert_int_eq(kaio_transfer_test(transfer),
					 -EINPROGRESS);
		}
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

static bool interrupted;

/* The kernel has no memory until then, and refuses one operation after it. */
static int interrupt_and_refuse(long number, long *arguments)
{
	if (number == SYS_io_getevents) {
		interrupted = true;
		return EINTR;
	}
	if (number != SYS_io_submit || !arguments[1])
		return 0;
	if (!interrupted)
		return EAGAIN;
	faults_before_call(NULL);
	return EBADF;
}

START_TEST(a_signal_is_reported_although_an_operation_completes)
{
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_transfer *transfer = transfer_of(queue, fixture_good);

	fixture_endless(kaio_transfer_iocb(transfer, 1));
	interrupted = false;
	faults_before_call(interrupt_and_refuse);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -EINTR);
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), -EBADF);
	ck_assert_int_eq(kaio_transfer_active(transfer), 1);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_wake_ends_a_wait_and_counts_before_it)
{
	size_t kind;

	for (kind = 0; kind < COUNT(kinds); kind++) {
		struct kaio_queue *queue = queue_of(kinds[kind]);
		struct kaio_transfer *transfer =
			transfer_of(queue, fixture_endless);

		if (kinds[kind] & KAIO_QUEUE_WAKE) {
			ck_assert_ok(kaio_transfer_post(transfer));
			ck_assert_ok(kaio_queue_wake(queue));
			ck_assert_int_eq(
				kaio_transfer_wait(transfer, KAIO_FOREVER),
				-EINPROGRESS);
			ck_assert_ok(kaio_queue_wake(queue));
			/* It does not wait, and leaves the wake. */
			ck_assert_int_eq(kaio_transfer_test(transfer),
					 -EINPROGRESS);
			ck_assert_int_eq(
				kaio_transfer_wait(transfer, KAIO_FOREVER),
				-EINPROGRESS);
		}
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

static void take_long(struct kaio_op *op, int64_t res)
{
	int64_t end = now() + 20 * MILLISECOND;

	(void)op;
	ck_assert_int_eq(res, 1);
	while (now() < end)
		;
}

/* Whoever looks into the queue from time to time must not take it for that. */
START_TEST(a_wake_counts_although_callbacks_take_long)
{
	size_t kind;

	for (kind = 0; kind < COUNT(kinds); kind++) {
		struct kaio_queue *queue = queue_of(kinds[kind]);
		struct kaio_transfer *transfer =
			transfer_of(queue, fixture_endless);
		struct kaio_op op = { .complete = take_long };

		if (kinds[kind] & KAIO_QUEUE_WAKE) {
			fixture_good(&op.iocb);
			ck_assert_ok(kaio_transfer_post(transfer));
			ck_assert_ok(kaio_queue_push(queue, &op.iocb));
			ck_assert_ok(kaio_queue_wake(queue));
			ck_assert_int_eq(
				kaio_transfer_wait(transfer, KAIO_FOREVER),
				-EINPROGRESS);
		}
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(errors_of_getevents_are_told_and_lose_nothing)
{
	const int errors[] = { EPERM, ENOSYS };
	size_t kind, i;

	for (kind = 0; kind < COUNT(kinds); kind++) {
		struct kaio_queue *queue = queue_of(kinds[kind]);
		struct kaio_transfer *transfer =
			transfer_of(queue, fixture_endless);

		ck_assert_ok(kaio_transfer_post(transfer));
		while (kaio_transfer_result(transfer, 1) == -EINPROGRESS)
			kaio_transfer_wait(transfer, MILLISECOND);
		for (i = 0; i < COUNT(errors); i++) {
			faults_fail(SYS_io_getevents, errors[i], 1000);
			faults_fail(SYS_io_pgetevents, errors[i], 1000);
			ck_assert_int_eq(
				kaio_transfer_wait(transfer, KAIO_FOREVER),
				-errors[i]);
			ck_assert_int_eq(kaio_transfer_test(transfer),
					 harness_has_ring() ? -EINPROGRESS
							    : -errors[i]);
			faults_reset();
			ck_assert_int_eq(kaio_transfer_test(transfer),
					 -EINPROGRESS);
		}
		ck_assert_ok(kaio_queue_cancel(
			queue, kaio_transfer_iocb(transfer, 0)));
		ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

Suite *suite_transfer_wait(void)
{
	const TTest *tests[] = {
		a_wait_ends_at_its_deadline,
		the_completions_of_others_do_not_put_the_deadline_off,
		a_signal_ends_a_wait,
		a_signal_is_reported_although_an_operation_completes,
		a_wake_ends_a_wait_and_counts_before_it,
		a_wake_counts_although_callbacks_take_long,
		errors_of_getevents_are_told_and_lose_nothing,
	};

	return harness_both_ways("transfer: wait", tests, COUNT(tests));
}
