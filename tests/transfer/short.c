/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The transfer layer: operations that move less than they were asked to.
 *
 * Some files do that by themselves. For the others, completions are collected
 * here and handed to their operations with a smaller result, and what was read
 * beyond that is wiped.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define BLOCK 4096

static struct kaio_transfer *transfer_of(struct kaio_queue *queue, unsigned nr,
					 unsigned flags)
{
	const struct kaio_transfer_params params = { .flags = flags };
	struct kaio_transfer *transfer = NULL;

	ck_assert_ok(kaio_transfer_create(&transfer, queue, nr, &params));
	return transfer;
}

static int64_t complete_with(struct kaio_queue *queue, int64_t most)
{
	struct kaio_event event;
	struct kaio_op *op;

	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	op = (struct kaio_op *)kaio_event_iocb(&event);
	if (event.res > most)
		event.res = most;
	op->complete(op, event.res);
	return event.res;
}

/* Several iovecs, empty ones among them, of size bytes in all. */
static int cut(struct iovec *iov, char *buffer, size_t size)
{
	int n = 0;

	while (size) {
		iov[n].iov_base = buffer;
		iov[n].iov_len = (size_t)random() % 700;
		if (n > 20 || iov[n].iov_len > size)
			iov[n].iov_len = size;
		if (random() % 5 == 0)
			iov[n].iov_len = 0;
		buffer += iov[n].iov_len;
		size -= iov[n++].iov_len;
	}
	return n;
}

static void move_in_pieces(bool vectored, bool writing)
{
	const int start = 800;
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_transfer *transfer = transfer_of(queue, 1, 0);
	struct kaio_iocb *iocb = kaio_transfer_iocb(transfer, 0);
	int fd = fixture_file(O_RDWR, 4 * BLOCK);
	char *buffer = fixture_buffer(2 * BLOCK);
	char *after = fixture_buffer(2 * BLOCK);
	struct iovec iov[64];
	struct kaio_iocb prepared;
	int n = cut(iov, buffer, 2 * BLOCK);
	int64_t moved = 0;

	if (vectored && writing)
		kaio_prep_pwritev(iocb, fd, iov, n, start);
	else if (vectored)
		kaio_prep_preadv(iocb, fd, iov, n, start);
	else if (writing)
		kaio_prep_pwrite(iocb, fd, buffer, 2 * BLOCK, start);
	else
		kaio_prep_pread(iocb, fd, buffer, 2 * BLOCK, start);
	prepared = *iocb;
	memset(buffer, 0xff, 2 * BLOCK);
	if (writing)
		fixture_fill(buffer, 2 * BLOCK, 77);
	ck_assert_ok(kaio_transfer_post(transfer));
	while (kaio_transfer_result(transfer, 0) == -EINPROGRESS) {
		moved += complete_with(queue, 1 + random() % 900);
		if (!writing)
			memset(buffer + moved, 0xff, 2 * BLOCK - (size_t)moved);
	}
	ck_assert_ok(kaio_transfer_test(transfer));
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), 2 * BLOCK);
	ck_assert_uint_gt(faults_nr_taken, 10);
	faults_nr_taken = 0;
	ck_assert_mem_eq(iocb, &prepared, sizeof(prepared));
	ck_assert_int_eq(pread(fd, after, 2 * BLOCK, start), 2 * BLOCK);
	fixture_check(writing ? after : buffer, 2 * BLOCK,
		      writing ? 77 : start);
	/* Once more, in one piece. */
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_uint_eq(faults_nr_taken, 1);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
	close(fd);
}

START_TEST(reads_and_writes_go_on_where_they_stopped)
{
	int round;

	for (round = 0; round < 20; round++) {
		move_in_pieces(false, false);
		move_in_pieces(false, true);
		move_in_pieces(true, false);
		move_in_pieces(true, true);
	}
}
END_TEST

START_TEST(a_pipe_is_read_to_the_last_byte)
{
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_transfer *transfer = transfer_of(queue, 1, 0);
	char *data = fixture_buffer(BLOCK);
	char buffer[BLOCK];
	struct iovec iov[3] = { { buffer, 1000 },
				{ buffer + 1000, 96 },
				{ buffer + 1096, 3000 } };
	int pipes[2];
	unsigned i;

	fixture_fill(data, BLOCK, 0);
	ck_assert_ok(pipe2(pipes, O_NONBLOCK));
	kaio_prep_preadv(kaio_transfer_iocb(transfer, 0), pipes[0], iov, 3, 0);
	ck_assert_int_eq(write(pipes[1], data, 1024), 1024);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_ge(kaio_queue_submit(queue), 0);
	for (i = 1; i < 4; i++) {
		/* There when what was read is handed out, and more asked for.
		 */
		ck_assert_int_eq(write(pipes[1], data + i * 1024, 1024), 1024);
		ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER), 1);
	}
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_mem_eq(buffer, data, BLOCK);
	ck_assert_int_eq(write(pipes[1], data, 1024), 1024);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -EAGAIN);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 1024);
	ck_assert_int_eq(write(pipes[1], data, 1024), 1024);
	close(pipes[1]);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -ENODATA);
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), 1024);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* Whole, across the end, beyond it, and nothing at all. */
static void read_to_the_end(int fd, unsigned flags, int64_t size)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct kaio_transfer *transfer = transfer_of(queue, 4, flags);
	char *buffer = fixture_buffer(6 * BLOCK);
	struct iovec iov[2] = { { buffer + 2 * BLOCK, BLOCK },
				{ buffer + 3 * BLOCK, BLOCK } };
	int i;

	kaio_prep_pread(kaio_transfer_iocb(transfer, 0), fd, buffer, BLOCK, 0);
	kaio_prep_preadv(kaio_transfer_iocb(transfer, 1), fd, iov, 2, BLOCK);
	kaio_prep_pread(kaio_transfer_iocb(transfer, 2), fd, buffer + 4 * BLOCK,
			BLOCK, 4 * BLOCK);
	kaio_prep_pread(kaio_transfer_iocb(transfer, 3), fd, buffer, 0, 0);
	for (i = 0; i < 2; i++) {
		ck_assert_ok(kaio_transfer_post(transfer));
		ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
				 flags ? 0 : -ENODATA);
		ck_assert_int_eq(kaio_transfer_result(transfer, 0), BLOCK);
		ck_assert_int_eq(kaio_transfer_result(transfer, 1),
				 size - BLOCK);
		ck_assert_int_eq(kaio_transfer_result(transfer, 2), 0);
		ck_assert_int_eq(kaio_transfer_result(transfer, 3), 0);
		ck_assert_int_eq(kaio_transfer_bytes(transfer), size);
		fixture_check(buffer + 2 * BLOCK, (size_t)size - BLOCK, BLOCK);
	}
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(the_end_of_a_file_is_enodata_unless_it_is_ok)
{
	const int64_t sizes[] = { BLOCK + 1000, 2 * BLOCK, 2 * BLOCK + 512 };
	size_t i;

	for (i = 0; i < COUNT(sizes); i++) {
		int buffered = fixture_file(O_RDONLY, (size_t)sizes[i]);
		int direct =
			fixture_file(O_RDONLY | O_DIRECT, (size_t)sizes[i]);

		read_to_the_end(buffered, 0, sizes[i]);
		read_to_the_end(buffered, KAIO_TRANSFER_EOF_OK, sizes[i]);
		if (direct < 0)
			continue;
		read_to_the_end(direct, 0, sizes[i]);
		read_to_the_end(direct, KAIO_TRANSFER_EOF_OK, sizes[i]);
	}
}
END_TEST

/* Some files will not hear of an offset off the alignment, even at the end. */
START_TEST(a_continuation_that_is_einval_is_the_end_with_o_direct_only)
{
	const int refused[] = { 1, -EINVAL };
	int fds[2] = { fixture_file(O_RDONLY | O_DIRECT, BLOCK + 1000),
		       fixture_file(O_RDONLY, BLOCK + 1000) };
	char *buffer = fixture_buffer(2 * BLOCK);
	size_t i;

	for (i = 0; i < 2; i++) {
		struct kaio_queue *queue = fixture_queue(1, 0);
		struct kaio_transfer *transfer = transfer_of(queue, 1, 0);

		if (fds[i] < 0)
			continue;
		kaio_prep_pread(kaio_transfer_iocb(transfer, 0), fds[i], buffer,
				2 * BLOCK, 0);
		faults_script_submit(refused, 2);
		ck_assert_ok(kaio_transfer_post(transfer));
		ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
				 i ? -EINVAL : -ENODATA);
		ck_assert_int_eq(kaio_transfer_result(transfer, 0),
				 i ? -EINVAL : BLOCK + 1000);
		ck_assert_int_eq(kaio_transfer_bytes(transfer), BLOCK + 1000);
		faults_script_submit(refused + 1, 1);
		ck_assert_ok(kaio_transfer_post(transfer));
		ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
				 -EINVAL);
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(a_write_that_cannot_go_on_says_why_or_enospc)
{
	const struct rlimit limit = { BLOCK + 1000, RLIM_INFINITY };
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_transfer *transfer = transfer_of(queue, 1, 0);
	int fd = fixture_file(O_RDWR, BLOCK);
	char *buffer = fixture_buffer(2 * BLOCK);

	memset(buffer, 1, 2 * BLOCK);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_ok(setrlimit(RLIMIT_FSIZE, &limit));
	kaio_prep_pwrite(kaio_transfer_iocb(transfer, 0), fd, buffer, 2 * BLOCK,
			 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -EFBIG);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), BLOCK + 1000);
	ck_assert_ok(kaio_transfer_post(transfer));
	complete_with(queue, 100);
	complete_with(queue, 0);
	ck_assert_int_eq(kaio_transfer_test(transfer), -ENOSPC);
	ck_assert_int_eq(kaio_transfer_wait(transfer, 0), -ENOSPC);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 100);

	kaio_prep_pwrite(kaio_transfer_iocb(transfer, 0), fd, buffer, 0, 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), 0);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_transfer_short(void)
{
	const TTest *tests[] = {
		reads_and_writes_go_on_where_they_stopped,
		a_pipe_is_read_to_the_last_byte,
		the_end_of_a_file_is_enodata_unless_it_is_ok,
		a_continuation_that_is_einval_is_the_end_with_o_direct_only,
		a_write_that_cannot_go_on_says_why_or_enospc,
	};

	return harness_both_ways("transfer: short", tests, COUNT(tests));
}
