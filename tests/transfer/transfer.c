/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The transfer layer: posting, testing and waiting, and what is refused. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 4096

static struct kaio_transfer *transfer_of(struct kaio_queue *queue, unsigned nr)
{
	struct kaio_transfer *transfer = NULL;

	ck_assert_ok(kaio_transfer_create(&transfer, queue, nr, 0));
	ck_assert_ptr_nonnull(transfer);
	return transfer;
}

/* Reads of one block each, one after the other, into the same buffer. */
static struct kaio_transfer *reads(struct kaio_queue *queue, int fd,
				   unsigned nr, char *buffer)
{
	struct kaio_transfer *transfer = transfer_of(queue, nr);
	unsigned i;

	for (i = 0; i < nr; i++)
		kaio_prep_pread(kaio_transfer_iocb(transfer, i), fd,
				buffer + (size_t)i * BLOCK, BLOCK,
				(int64_t)i * BLOCK);
	return transfer;
}

START_TEST(a_post_does_the_io_and_the_next_does_it_again)
{
	enum {
		NR = 8
	};
	struct kaio_queue *queue = fixture_queue(4, 0);
	int fd = fixture_file(O_RDWR, NR * BLOCK);
	char *buffer = fixture_buffer(NR * BLOCK);
	struct kaio_transfer *transfer = reads(queue, fd, NR, buffer);
	unsigned round, i;

	for (round = 0; round < 3; round++) {
		uint64_t mark = 0xabcdef00 + round;

		memset(buffer, 0xff, NR * BLOCK);
		ck_assert_int_eq(pwrite(fd, &mark, sizeof(mark), 5 * BLOCK),
				 sizeof(mark));
		ck_assert_ok(kaio_transfer_post(transfer));
		ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
		ck_assert_mem_eq(buffer + 5 * BLOCK, &mark, sizeof(mark));
		fixture_check(buffer, 5 * BLOCK, 0);
		fixture_check(buffer + 6 * BLOCK, BLOCK, 6 * BLOCK);
		for (i = 0; i < NR; i++)
			ck_assert_int_eq(kaio_transfer_result(transfer, i),
					 BLOCK);
		ck_assert_int_eq(kaio_transfer_bytes(transfer), NR * BLOCK);
		ck_assert_ok(kaio_transfer_test(transfer));
		ck_assert_uint_eq(faults_nr_taken, (round + 1) * NR);
	}
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_transfer *transfer = (void *)&transfer;
	struct kaio_transfer_params params = { 0 };
	unsigned i;

	ck_assert_int_eq(kaio_transfer_create(NULL, queue, 1, 0), -EINVAL);
	ck_assert_int_eq(kaio_transfer_create(&transfer, NULL, 1, 0), -EINVAL);
	ck_assert_int_eq(kaio_transfer_create(&transfer, queue, 0, 0), -EINVAL);
	ck_assert_int_eq(kaio_transfer_create(&transfer, queue,
					      1 + (unsigned)INT_MAX, 0),
			 -EINVAL);
	for (i = 1; i < 32; i++) {
		params.flags = 1U << i;
		ck_assert_int_eq(
			kaio_transfer_create(&transfer, queue, 1, &params),
			-EINVAL);
	}
	params.flags = 0;
	params.reserved0 = 1;
	ck_assert_int_eq(kaio_transfer_create(&transfer, queue, 1, &params),
			 -EINVAL);
	params.reserved0 = 0;
	for (i = 0; i < COUNT(params.reserved); i++) {
		params.reserved[i] = 1;
		ck_assert_int_eq(
			kaio_transfer_create(&transfer, queue, 1, &params),
			-EINVAL);
		params.reserved[i] = 0;
	}
	ck_assert_ptr_eq(transfer, (void *)&transfer);

	ck_assert_ptr_null(kaio_transfer_iocb(NULL, 0));
	ck_assert_int_eq(kaio_transfer_post(NULL), -EINVAL);
	ck_assert_int_eq(kaio_transfer_test(NULL), -EINVAL);
	ck_assert_int_eq(kaio_transfer_wait(NULL, 0), -EINVAL);
	ck_assert_int_eq(kaio_transfer_result(NULL, 0), -EINVAL);
	ck_assert_int_eq(kaio_transfer_bytes(NULL), -EINVAL);
	ck_assert_ok(kaio_transfer_release(NULL));

	transfer = transfer_of(queue, 2);
	ck_assert_ptr_null(kaio_transfer_iocb(transfer, 2));
	ck_assert_ptr_null(kaio_transfer_iocb(transfer, UINT_MAX));
	ck_assert_int_eq(kaio_transfer_test(transfer), -EINVAL);
	ck_assert_int_eq(kaio_transfer_wait(transfer, 0), -EINVAL);
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), -EINVAL);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, -2), -EINVAL);
	ck_assert_int_eq(kaio_transfer_result(transfer, 2), -EINVAL);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(create_without_memory_is_enomem)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_transfer *transfer;
	long before = faults_allocated;

	faults_fail_memory(0);
	errno = 4711;
	ck_assert_int_eq(kaio_transfer_create(&transfer, queue, 1, NULL),
			 -ENOMEM);
	ck_assert_int_eq(errno, 4711);
	ck_assert_int_eq(faults_allocated, before);
	transfer = transfer_of(queue, 1);
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_int_eq(faults_allocated, before);
}
END_TEST

START_TEST(an_operation_that_was_not_prepared_fails)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_transfer *transfer = transfer_of(queue, 2);

	fixture_good(kaio_transfer_iocb(transfer, 0));
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -EBADF);
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), 1);
	ck_assert_int_eq(kaio_transfer_result(transfer, 1), -EBADF);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(an_active_transfer_is_busy_until_all_is_over)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_transfer *transfer = transfer_of(queue, 3);
	int i;

	fixture_bad(kaio_transfer_iocb(transfer, 0));
	fixture_good(kaio_transfer_iocb(transfer, 1));
	fixture_endless(kaio_transfer_iocb(transfer, 2));
	ck_assert_ok(kaio_transfer_post(transfer));
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(kaio_transfer_post(transfer), -EBUSY);
		ck_assert_int_eq(kaio_transfer_test(transfer), -EINPROGRESS);
	}
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), -EBADF);
	ck_assert_int_eq(kaio_transfer_result(transfer, 1), 1);
	ck_assert_int_eq(kaio_transfer_result(transfer, 2), -EINPROGRESS);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 1);
	ck_assert_ok(kaio_queue_cancel(queue, kaio_transfer_iocb(transfer, 2)));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -EBADF);
	ck_assert_int_eq(kaio_transfer_result(transfer, 2), 0);
	/* And may be repaired, and posted again. */
	fixture_good(kaio_transfer_iocb(transfer, 0));
	fixture_good(kaio_transfer_iocb(transfer, 2));
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(the_error_is_that_of_the_lowest_index_and_stays)
{
	struct kaio_queue *queue = fixture_queue(1, 8);
	struct kaio_transfer *transfer = transfer_of(queue, 4);
	char byte;
	int pair[2];

	fixture_good(kaio_transfer_iocb(transfer, 0));
	/* This one fails in the kernel, that after it before. */
	ck_assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
	kaio_prep_pread(kaio_transfer_iocb(transfer, 1), pair[0], &byte, 1, 0);
	fixture_bad(kaio_transfer_iocb(transfer, 2));
	kaio_prep_pread(kaio_transfer_iocb(transfer, 3),
			open("/", O_RDONLY | O_DIRECTORY), &byte, 1, 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -EAGAIN);
	ck_assert_int_eq(kaio_transfer_test(transfer), -EAGAIN);
	ck_assert_int_eq(kaio_transfer_wait(transfer, 0), -EAGAIN);
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), 1);
	ck_assert_int_eq(kaio_transfer_result(transfer, 1), -EAGAIN);
	ck_assert_int_eq(kaio_transfer_result(transfer, 2), -EBADF);
	ck_assert_int_eq(kaio_transfer_result(transfer, 3), -EINVAL);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 1);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(fsync_and_poll_have_their_own_results)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_transfer *transfer = transfer_of(queue, 3);
	int fd = fixture_file(O_RDWR, BLOCK);

	kaio_prep_fsync(kaio_transfer_iocb(transfer, 0), fd);
	kaio_prep_fdsync(kaio_transfer_iocb(transfer, 1), fd);
	kaio_prep_poll(kaio_transfer_iocb(transfer, 2), fd, POLLIN);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), 0);
	ck_assert_int_eq(kaio_transfer_result(transfer, 1), 0);
	ck_assert_int_eq(kaio_transfer_result(transfer, 2), POLLIN);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 0);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

/* KAIO_TEST_POSTS=1000 makes it 4 GiB. */
START_TEST(posts_allocate_nothing_and_move_every_byte)
{
	enum {
		NR = 1024
	};
	uint64_t posts = number("KAIO_TEST_POSTS", 20);
	struct kaio_queue *queue = fixture_queue(128, 0);
	int fd = fixture_file(O_RDONLY | O_DIRECT, NR * BLOCK);
	char *buffer = fixture_buffer(NR * BLOCK);
	struct kaio_transfer *transfer;
	struct kaio_queue_stats stats;
	long allocations = 0;
	uint64_t block, i;

	if (fd < 0)
		fd = fixture_file(O_RDONLY, NR * BLOCK);
	transfer = reads(queue, fd, NR, buffer);
	for (i = 0; i < posts; i++) {
		long before = faults_allocations;
		int ret = kaio_transfer_post(transfer);

		if (ret == 0)
			ret = kaio_transfer_wait(transfer, KAIO_FOREVER);
		allocations += faults_allocations - before;
		ck_assert_ok(ret);
		ck_assert_int_eq(kaio_transfer_bytes(transfer), NR * BLOCK);
		/* Read anew: what marks a block was wiped after the last. */
		for (block = 0; block < NR * BLOCK; block += BLOCK) {
			fixture_check(buffer + block, 8, block);
			memset(buffer + block, 0xff, 8);
		}
	}
	ck_assert_int_eq(allocations, 0);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.submitted, posts * NR);
	ck_assert_uint_eq(stats.completed, posts * NR);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_transfer(void)
{
	const TTest *tests[] = {
		a_post_does_the_io_and_the_next_does_it_again,
		bad_arguments_are_refused,
		create_without_memory_is_enomem,
		an_operation_that_was_not_prepared_fails,
		an_active_transfer_is_busy_until_all_is_over,
		the_error_is_that_of_the_lowest_index_and_stays,
		fsync_and_poll_have_their_own_results,
		posts_allocate_nothing_and_move_every_byte,
	};

	return harness_both_ways("transfer", tests, COUNT(tests));
}
