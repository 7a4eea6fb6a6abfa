/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The transfer layer: a transfer that is cancelled, and whether it is active.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR 4096
#define BLOCK 4096
#define DEPTH 8
#define POISON 0x5a

static const uint32_t flag_sets[] = {
	0,
	KAIO_QUEUE_NO_RING,
	KAIO_QUEUE_WAKE,
	KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED,
	KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD | KAIO_QUEUE_SHARED,
};

static struct kaio_queue *queue;

static void open_queue(uint32_t flags, unsigned backlog)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = backlog };

	ck_assert_ok(kaio_queue_create(&queue, DEPTH, &params));
}

static struct kaio_transfer *endless(unsigned nr)
{
	struct kaio_transfer *transfer = fixture_transfer(queue, nr);
	unsigned i;

	for (i = 0; i < nr; i++)
		fixture_endless(kaio_transfer_iocb(transfer, i));
	return transfer;
}

static void expect(struct kaio_transfer *transfer, int status)
{
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), status);
	ck_assert_int_eq(kaio_transfer_test(transfer), status);
	ck_assert_int_eq(kaio_transfer_active(transfer), 0);
}

static int direct_file(void)
{
	int fd = fixture_file(O_RDONLY | O_DIRECT, (size_t)NR * BLOCK);

	return fd < 0 ? fixture_file(O_RDONLY, (size_t)NR * BLOCK) : fd;
}

/* What was read is whole, and what was not is as it was before. */
static unsigned check_reads(struct kaio_transfer *transfer, const char *buffer)
{
	unsigned whole = 0;
	unsigned i;

	for (i = 0; i < NR; i++) {
		int64_t res = kaio_transfer_result(transfer, i);
		const char *block = buffer + (size_t)i * BLOCK;

		ck_assert(res == BLOCK || res == -ECANCELED);
		whole += res == BLOCK;
		if (res == BLOCK)
			fixture_check(block, 8, (uint64_t)i * BLOCK);
		else
			ck_assert(block[0] == POISON &&
				  block[BLOCK - 1] == POISON);
	}
	ck_assert_int_eq(kaio_transfer_bytes(transfer), (int64_t)whole * BLOCK);
	return whole;
}

static void cancel_reads(uint32_t flags, int fd, char *buffer)
{
	struct kaio_transfer *transfer, *other;
	struct kaio_op poll = { .complete = NULL };
	unsigned i;

	open_queue(flags, 0);
	transfer = fixture_transfer(queue, NR);
	other = endless(1);
	fixture_endless(&poll.iocb);
	for (i = 0; i < NR; i++)
		kaio_prep_pread(kaio_transfer_iocb(transfer, i), fd,
				buffer + (size_t)i * BLOCK, BLOCK,
				(int64_t)i * BLOCK);
	ck_assert_ok(kaio_queue_push(queue, &poll.iocb));
	ck_assert_ok(kaio_transfer_post(other));
	memset(buffer, POISON, (size_t)NR * BLOCK);
	ck_assert_ok(kaio_transfer_post(transfer));
	faults_reset();
	ck_assert_ok(kaio_transfer_cancel(transfer));
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 0);
	ck_assert_uint_eq(faults_nr_taken, 0);
	ck_assert_int_eq(kaio_transfer_active(transfer), 1);
	expect(transfer, -ECANCELED);
	ck_assert_uint_eq(faults_nr_taken, 0);
	ck_assert_uint_le(check_reads(transfer, buffer), DEPTH - 2);
	ck_assert_int_eq(kaio_transfer_active(other), 1);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 2);

	ck_assert_ok(kaio_transfer_post(transfer));
	expect(transfer, 0);
	ck_assert_uint_eq(check_reads(transfer, buffer), NR);
	ck_assert_int_eq(kaio_transfer_active(other), 1);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_transfer_release(other));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(what_the_kernel_does_not_have_is_not_read)
{
	char *buffer = fixture_buffer((size_t)NR * BLOCK);
	int fd = direct_file();
	size_t set;

	for (set = 0; set < COUNT(flag_sets); set++)
		cancel_reads(flag_sets[set], fd, buffer);
}
END_TEST

START_TEST(polls_in_flight_are_cancelled)
{
	const unsigned sizes[] = { 1, DEPTH, DEPTH + 3, 100 };
	unsigned backlog, i, j;
	size_t set;

	for (set = 0; set < COUNT(flag_sets); set++) {
		for (backlog = 0; backlog < 12; backlog += 5) {
			for (i = 0; i < COUNT(sizes); i++) {
				struct kaio_transfer *transfer;

				open_queue(flag_sets[set], backlog);
				transfer = endless(sizes[i]);
				ck_assert_ok(kaio_transfer_post(transfer));
				faults_reset();
				ck_assert_ok(kaio_transfer_cancel(transfer));
				ck_assert_uint_le(faults_calls(SYS_io_cancel),
						  sizes[i]);
				ck_assert_ok(kaio_transfer_cancel(transfer));
				expect(transfer, -ECANCELED);
				for (j = 0; j < sizes[i]; j++)
					ck_assert_int_eq(kaio_transfer_result(
								 transfer, j),
							 -ECANCELED);
				ck_assert_ok(kaio_transfer_cancel(transfer));
				expect(transfer, -ECANCELED);
				ck_assert_ok(kaio_transfer_release(transfer));
				ck_assert_ok(kaio_queue_destroy(queue));
			}
		}
	}
}
END_TEST

/* It needs no slot to be over. */
START_TEST(one_that_waits_for_slots_is_over_though_others_have_them_all)
{
	struct kaio_iocb iocb;
	unsigned backlog, nr;
	size_t set;

	fixture_good(&iocb);
	for (set = 0; set < COUNT(flag_sets); set++) {
		for (backlog = 0; backlog < 12; backlog += 3) {
			struct kaio_transfer *others, *transfers[3];

			open_queue(flag_sets[set], backlog);
			others = endless(DEPTH + backlog);
			ck_assert_ok(kaio_transfer_post(others));
			for (nr = 0; nr < 3; nr++) {
				transfers[nr] = fixture_transfer(queue, 1 + nr);
				ck_assert_ok(kaio_transfer_post(transfers[nr]));
			}
			for (nr = 0; nr < 2; nr++) {
				ck_assert_ok(
					kaio_transfer_cancel(transfers[nr]));
				ck_assert_int_eq(
					kaio_transfer_active(transfers[nr]), 1);
			}
			for (nr = 0; nr < 2; nr++)
				expect(transfers[nr], -ECANCELED);
			ck_assert_int_eq(kaio_queue_push(queue, &iocb),
					 -ENOBUFS);
			ck_assert_int_eq(kaio_transfer_test(transfers[2]),
					 -EINPROGRESS);
			ck_assert_int_eq(kaio_transfer_test(others),
					 -EINPROGRESS);
			ck_assert_ok(kaio_transfer_cancel(others));
			expect(others, -ECANCELED);
			expect(transfers[2], 0);
			for (nr = 0; nr < 3; nr++)
				ck_assert_ok(
					kaio_transfer_release(transfers[nr]));
			ck_assert_ok(kaio_transfer_release(others));
			ck_assert_ok(kaio_queue_destroy(queue));
		}
	}
}
END_TEST

static struct canceller {
	struct kaio_op op;
	struct kaio_transfer *transfer;
	unsigned calls;
} canceller;

static void cancel_transfer(struct kaio_op *op, int64_t res)
{
	ck_assert_ptr_eq(op, &canceller.op);
	ck_assert_int_eq(res, 1);
	ck_assert_ok(kaio_transfer_cancel(canceller.transfer));
}

static void cancel_in_done(struct kaio_transfer *transfer, int status,
			   void *data)
{
	ck_assert_int_eq(status, -ECANCELED);
	ck_assert_ptr_eq(data, &canceller);
	ck_assert_ok(kaio_transfer_cancel(transfer));
	ck_assert_int_eq(kaio_transfer_active(transfer), 0);
	if (++canceller.calls == 2)
		return;
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_transfer_cancel(transfer));
	ck_assert_int_eq(kaio_transfer_active(transfer), 1);
}

START_TEST(a_callback_and_done_may_cancel)
{
	const struct kaio_transfer_params params = { .done = cancel_in_done,
						     .data = &canceller };
	size_t set;
	unsigned i;

	for (set = 0; set < COUNT(flag_sets); set++) {
		open_queue(flag_sets[set], 4);
		ck_assert_ok(kaio_transfer_create(&canceller.transfer, queue,
						  50, &params));
		for (i = 0; i < 50; i++)
			fixture_endless(
				kaio_transfer_iocb(canceller.transfer, i));
		canceller.calls = 0;
		canceller.op.complete = cancel_transfer;
		fixture_good(&canceller.op.iocb);
		ck_assert_ok(kaio_queue_push(queue, &canceller.op.iocb));
		ck_assert_ok(kaio_transfer_post(canceller.transfer));
		while (canceller.calls < 2)
			ck_assert_int_gt(kaio_queue_run(queue, 1, KAIO_FOREVER),
					 0);
		expect(canceller.transfer, -ECANCELED);
		ck_assert_ok(kaio_transfer_release(canceller.transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(an_inactive_transfer_is_left_alone)
{
	struct kaio_transfer *transfer;
	pid_t child;
	int status;

	ck_assert_int_eq(kaio_transfer_cancel(NULL), -EINVAL);
	ck_assert_int_eq(kaio_transfer_active(NULL), -EINVAL);
	open_queue(0, 0);
	transfer = fixture_transfer(queue, 2);
	ck_assert_int_eq(kaio_transfer_active(transfer), 0);
	ck_assert_ok(kaio_transfer_cancel(transfer));
	ck_assert_int_eq(kaio_transfer_test(transfer), -EINVAL);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_active(transfer), 1);
	expect(transfer, 0);
	ck_assert_ok(kaio_transfer_cancel(transfer));
	expect(transfer, 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	child = fork();
	if (child == 0)
		_exit(kaio_transfer_active(transfer) != -ECHILD ||
		      kaio_transfer_cancel(transfer) != -ECHILD);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	expect(transfer, 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_int_eq(kaio_transfer_active(transfer), 0);
	ck_assert_ok(kaio_transfer_cancel(transfer));
	ck_assert_int_eq(kaio_transfer_test(transfer), -ECANCELED);
	ck_assert_ok(kaio_transfer_release(transfer));
}
END_TEST

Suite *suite_transfer_cancel(void)
{
	const TTest *tests[] = {
		what_the_kernel_does_not_have_is_not_read,
		polls_in_flight_are_cancelled,
		one_that_waits_for_slots_is_over_though_others_have_them_all,
		a_callback_and_done_may_cancel,
		an_inactive_transfer_is_left_alone,
	};

	return harness_both_ways("transfer: cancel", tests, COUNT(tests));
}
