/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer on real files: the data is what counts. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BLOCK 4096
#define BLOCKS 64
#define SIZE (BLOCK * BLOCKS)

/* One operation a block, through a queue that is shorter than the file. */
static void run_blocks(int fd, unsigned opcode, char *buffer)
{
	struct kaio_queue *queue = fixture_queue(8, BLOCKS);
	struct kaio_iocb iocbs[BLOCKS];
	int64_t results[BLOCKS];
	size_t i;

	for (i = 0; i < BLOCKS; i++)
		kaio_prep_iocb(&iocbs[i], opcode, fd,
			       (uintptr_t)(buffer + i * BLOCK), BLOCK,
			       (int64_t)i * BLOCK);
	fixture_push(queue, iocbs, BLOCKS);
	fixture_collect_all(queue, 16, iocbs, BLOCKS, results);
	for (i = 0; i < BLOCKS; i++)
		ck_assert_int_eq(results[i], BLOCK);
	ck_assert_ok(kaio_queue_destroy(queue));
}

static void write_then_read(int fd)
{
	char *buffer = fixture_buffer(SIZE);

	run_blocks(fd, KAIO_OP_PREAD, buffer);
	fixture_check(buffer, SIZE, 0);
	fixture_fill(buffer, SIZE, 1000000);
	run_blocks(fd, KAIO_OP_PWRITE, buffer);
	memset(buffer, 0, SIZE);
	run_blocks(fd, KAIO_OP_PREAD, buffer);
	fixture_check(buffer, SIZE, 1000000);
}

START_TEST(a_file_opened_with_o_direct_is_written_and_read)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, SIZE);

	if (fd < 0)
		SKIP("O_DIRECT: %s", strerror(errno));
	write_then_read(fd);
}
END_TEST

START_TEST(a_buffered_file_is_written_and_read)
{
	write_then_read(fixture_file(O_RDWR, SIZE));
}
END_TEST

START_TEST(a_read_across_the_end_of_a_file_is_short)
{
	struct kaio_queue *queue = fixture_queue(2, 0);
	int fd = fixture_file(O_RDONLY, 1000);
	struct kaio_iocb iocbs[2];
	int64_t results[2];
	char buffer[2][BLOCK];

	kaio_prep_pread(&iocbs[0], fd, buffer[0], BLOCK, 200);
	kaio_prep_pread(&iocbs[1], fd, buffer[1], BLOCK, 1000);
	fixture_push(queue, iocbs, 2);
	fixture_collect_all(queue, 2, iocbs, 2, results);
	ck_assert_int_eq(results[0], 800);
	fixture_check(buffer[0], 800, 200);
	ck_assert_int_eq(results[1], 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(writes_and_then_a_sync_reach_the_file)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	int fd = fixture_file(O_RDWR, BLOCK);
	struct kaio_iocb iocbs[2];
	int64_t results[2];
	char buffer[BLOCK];

	fixture_fill(buffer, BLOCK, 5);
	kaio_prep_pwrite(&iocbs[0], fd, buffer, BLOCK, 0);
	fixture_push(queue, iocbs, 1);
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	fixture_collect_all(queue, 1, iocbs, 1, results);
	ck_assert_int_eq(results[0], BLOCK);
	kaio_prep_fsync(&iocbs[0], fd);
	kaio_prep_fdsync(&iocbs[1], fd);
	fixture_push(queue, iocbs, 2);
	fixture_collect_all(queue, 1, iocbs, 2, results);
	ck_assert_int_eq(results[0], 0);
	ck_assert_int_eq(results[1], 0);
	memset(buffer, 0, BLOCK);
	ck_assert_int_eq(pread(fd, buffer, BLOCK, 0), BLOCK);
	fixture_check(buffer, BLOCK, 5);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_misaligned_direct_read_fails_in_its_completion_alone)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	int fd = fixture_file(O_RDONLY | O_DIRECT, SIZE);
	char *buffer = fixture_buffer(3 * BLOCK);
	struct kaio_iocb iocbs[3];
	int64_t results[3];
	size_t i;

	if (fd < 0)
		SKIP("O_DIRECT: %s", strerror(errno));
	for (i = 0; i < 3; i++)
		kaio_prep_pread(&iocbs[i], fd, buffer + i * BLOCK, BLOCK,
				(int64_t)i * BLOCK + (i == 1));
	fixture_push(queue, iocbs, 3);
	fixture_collect_all(queue, 4, iocbs, 3, results);
	if (results[1] == BLOCK)
		SKIP("this file system takes any alignment");
	ck_assert_int_eq(results[0], BLOCK);
	ck_assert_int_eq(results[1], -EINVAL);
	ck_assert_int_eq(results[2], BLOCK);
	fixture_check(buffer, BLOCK, 0);
	fixture_check(buffer + 2 * BLOCK, BLOCK, 2 * BLOCK);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_pipe_carries_a_write_to_a_read)
{
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_iocb iocbs[2];
	int64_t results[2];
	char buffer[16];
	int fds[2];

	ck_assert_ok(pipe(fds));
	kaio_prep_pwrite(&iocbs[0], fds[1], "through the pipe", 16, 0);
	kaio_prep_pread(&iocbs[1], fds[0], buffer, sizeof(buffer), 0);
	fixture_push(queue, iocbs, 2);
	fixture_collect_all(queue, 2, iocbs, 2, results);
	ck_assert_int_eq(results[0], 16);
	ck_assert_int_eq(results[1], 16);
	ck_assert_mem_eq(buffer, "through the pipe", 16);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_poll_completes_when_the_eventfd_is_written)
{
	struct kaio_queue *queue = fixture_queue(2, 0);
	const uint64_t one = 1;
	struct kaio_event event;
	struct kaio_iocb iocb;
	int fd = eventfd(0, 0);

	kaio_prep_poll(&iocb, fd, POLLIN);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, 1), 0);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 1);
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	ck_assert_int_eq(event.res, POLLIN);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(destroy_waits_for_the_io_in_flight)
{
	char *buffer = fixture_buffer(SIZE);
	int fd = fixture_file(O_RDONLY | O_DIRECT, SIZE);
	struct kaio_queue *queue = fixture_queue(BLOCKS, 0);
	struct kaio_iocb iocbs[BLOCKS];
	size_t i;

	if (fd < 0)
		SKIP("O_DIRECT: %s", strerror(errno));
	memset(buffer, 0xff, SIZE);
	for (i = 0; i < BLOCKS; i++)
		kaio_prep_pread(&iocbs[i], fd, buffer + i * BLOCK, BLOCK,
				(int64_t)i * BLOCK);
	fixture_push(queue, iocbs, BLOCKS);
	ck_assert_int_eq(kaio_queue_submit(queue), BLOCKS);
	ck_assert_ok(kaio_queue_destroy(queue));
	/* All of it is there, and nothing comes after. */
	fixture_check(buffer, SIZE, 0);
}
END_TEST

Suite *suite_queue_files(void)
{
	const TTest *tests[] = {
		a_file_opened_with_o_direct_is_written_and_read,
		a_buffered_file_is_written_and_read,
		a_read_across_the_end_of_a_file_is_short,
		writes_and_then_a_sync_reach_the_file,
		a_misaligned_direct_read_fails_in_its_completion_alone,
		a_pipe_carries_a_write_to_a_read,
		a_poll_completes_when_the_eventfd_is_written,
		destroy_waits_for_the_io_in_flight,
	};

	return harness_both_ways("queue: files", tests, COUNT(tests));
}
