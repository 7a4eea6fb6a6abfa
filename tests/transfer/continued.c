/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The transfer layer: operations that are done again or continued, and those
 * that are not. What a completion has is changed before the transfer gets it.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "one.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int pipes[2];
static bool written;

/* Only when the read that the first one interrupted is being done again. */
static void write_late(int number)
{
	int saved = errno;

	(void)number;
	if (faults_calls(SYS_io_submit) >= 2 && !written) {
		written = true;
		if (write(pipes[1], "0123456789abcdef", 16) != 16)
			abort();
	}
	errno = saved;
}

START_TEST(a_read_that_a_signal_interrupts_is_done_again)
{
	const struct sigaction action = { .sa_handler = write_late };
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	char buffer[16];
	int status;

	if (harness_is_under_valgrind())
		SKIP("Valgrind delivers no signal within io_submit");
	ck_assert_ok(pipe(pipes));
	kaio_prep_pread(create(0), pipes[0], buffer, 16, 0);
	faults_reset();
	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	ck_assert_ok(setitimer(ITIMER_REAL, &often, NULL));
	ck_assert_ok(kaio_transfer_post(transfer));
	do
		status = kaio_transfer_wait(transfer, KAIO_FOREVER);
	while (status == -EINTR && kaio_transfer_active(transfer));
	fixture_no_signals();
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), 16);
	ck_assert_mem_eq(buffer, "0123456789abcdef", 16);
	ck_assert_uint_ge(faults_nr_taken, 2);
	end();
}
END_TEST

START_TEST(eintr_is_no_result_of_any_operation)
{
	int fd = fixture_file(O_RDWR, SIZE);
	char *buffer = fixture_buffer(SIZE);
	int kind;

	for (kind = 0; kind < 4; kind++) {
		struct kaio_iocb *iocb = create(0);

		if (kind == 0)
			kaio_prep_fsync(iocb, fd);
		else if (kind == 1)
			kaio_prep_poll(iocb, fd, POLLIN);
		else if (kind == 2)
			kaio_prep_pread(iocb, fd, buffer, SIZE, 0);
		else
			kaio_prep_pwrite(iocb, fd, buffer, SIZE, 0);
		ck_assert_ok(kaio_transfer_post(transfer));
		complete_with(-EINTR);
		if (kind >= 2)
			complete_with(1000);
		complete_with(-EINTR);
		complete_with(-EINTR);
		ck_assert_int_eq(kaio_transfer_active(transfer), 1);
		ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
		ck_assert_int_eq(kaio_transfer_bytes(transfer),
				 kind >= 2 ? SIZE : 0);
		ck_assert_int_ge(kaio_transfer_result(transfer, 0), 0);
		end();
	}
}
END_TEST

/* After the completion was collected, before the transfer has it. */
static void cancel_at(int64_t res, int64_t moved_before, int64_t result,
		      int64_t bytes)
{
	char *buffer = fixture_buffer(SIZE);
	int fd = fixture_file(O_RDONLY, SIZE);
	struct kaio_op *op;
	struct kaio_iocb prepared;

	kaio_prep_pread(create(0), fd, buffer, SIZE, 0);
	prepared = *kaio_transfer_iocb(transfer, 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	if (moved_before)
		complete_with(moved_before);
	op = collect();
	faults_nr_taken = 0;
	ck_assert_ok(kaio_transfer_cancel(transfer));
	op->complete(op, res);
	ck_assert_int_eq(kaio_transfer_active(transfer), 0);
	ck_assert_uint_eq(faults_nr_taken, 0);
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), result);
	ck_assert_int_eq(kaio_transfer_test(transfer), result < 0 ? result : 0);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), bytes);
	ck_assert_mem_eq(kaio_transfer_iocb(transfer, 0), &prepared,
			 sizeof(prepared));
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	fixture_check(buffer, SIZE, 0);
	end();
	close(fd);
}

START_TEST(a_cancelled_operation_is_neither_done_again_nor_continued)
{
	cancel_at(SIZE, 0, SIZE, SIZE);
	cancel_at(SIZE - 1, 0, -ECANCELED, SIZE - 1);
	cancel_at(0, 0, -ECANCELED, 0);
	cancel_at(-EINTR, 0, -ECANCELED, 0);
	cancel_at(-EIO, 0, -EIO, 0);
	cancel_at(SIZE - 1000, 1000, SIZE, SIZE);
	cancel_at(SIZE - 2000, 1000, -ECANCELED, SIZE - 1000);
	cancel_at(-EINTR, 1000, -ECANCELED, 1000);
	cancel_at(-EIO, 1000, -EIO, 1000);
}
END_TEST

/* They are short, and their rests wait for slots that others have. */
START_TEST(the_rests_of_several_operations_are_cancelled)
{
	struct kaio_op *ops[2];
	struct kaio_op others[2];
	struct kaio_iocb prepared[2];
	char *buffer = fixture_buffer(SIZE);
	int fd = fixture_file(O_RDONLY, SIZE);
	unsigned i;

	queue = fixture_queue(2, 0);
	transfer = fixture_transfer(queue, 2);
	for (i = 0; i < 2; i++) {
		struct kaio_iocb *iocb = kaio_transfer_iocb(transfer, i);

		kaio_prep_pread(iocb, fd, buffer, SIZE, 0);
		prepared[i] = *iocb;
		fixture_endless(&others[i].iocb);
	}
	ck_assert_ok(kaio_transfer_post(transfer));
	for (i = 0; i < 2; i++)
		ops[i] = collect();
	for (i = 0; i < 2; i++)
		ck_assert_ok(kaio_queue_push(queue, &others[i].iocb));
	for (i = 0; i < 2; i++)
		ops[i]->complete(ops[i], 1000);
	ck_assert_ok(kaio_transfer_cancel(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
			 -ECANCELED);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 2000);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(kaio_transfer_result(transfer, i), -ECANCELED);
		ck_assert_mem_eq(kaio_transfer_iocb(transfer, i), &prepared[i],
				 sizeof(prepared[i]));
	}
	end();
}
END_TEST

/* It is short, and its rest waits for the slot that another one has. */
START_TEST(the_rest_of_a_short_operation_is_cancelled)
{
	char *buffer = fixture_buffer(SIZE);
	int fd = fixture_file(O_RDONLY, SIZE);
	struct kaio_op other = { .complete = NULL };

	kaio_prep_pread(create(0), fd, buffer, SIZE, 0);
	fixture_endless(&other.iocb);
	ck_assert_ok(kaio_transfer_post(transfer));
	{
		struct kaio_op *op = collect();

		ck_assert_ok(kaio_queue_push(queue, &other.iocb));
		op->complete(op, 1000);
	}
	ck_assert_int_eq(kaio_transfer_test(transfer), -EINPROGRESS);
	ck_assert_ok(kaio_transfer_cancel(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
			 -ECANCELED);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 1000);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 1);
	end();
}
END_TEST

START_TEST(a_sync_that_was_not_cancelled_in_time_is_good)
{
	struct kaio_op *op;

	kaio_prep_fsync(create(0), fixture_file(O_RDWR, SIZE));
	ck_assert_ok(kaio_transfer_post(transfer));
	op = collect();
	ck_assert_ok(kaio_transfer_cancel(transfer));
	op->complete(op, 0);
	ck_assert_ok(kaio_transfer_test(transfer));
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), 0);
	end();
}
END_TEST

Suite *suite_transfer_continued(void)
{
	const TTest *tests[] = {
		a_read_that_a_signal_interrupts_is_done_again,
		eintr_is_no_result_of_any_operation,
		a_cancelled_operation_is_neither_done_again_nor_continued,
		the_rests_of_several_operations_are_cancelled,
		the_rest_of_a_short_operation_is_cancelled,
		a_sync_that_was_not_cancelled_in_time_is_good,
	};

	return harness_both_ways("transfer: continued", tests, COUNT(tests));
}
