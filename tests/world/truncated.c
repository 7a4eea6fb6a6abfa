/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Files that become shorter under reads. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define NR 8
#define SIZE 32768
#define POSTS 300

static void prep_reads(struct kaio_iocb *iocb, int fd, char *buffer, unsigned i)
{
	kaio_prep_pread(iocb, fd, buffer + (size_t)i * SIZE, SIZE,
			(int64_t)i * SIZE);
}

START_TEST(a_queue_tells_short_counts_and_zeros_beyond_the_new_end)
{
	char *buffer = fixture_buffer((size_t)NR * SIZE);
	struct kaio_queue *queue = fixture_queue(NR, 0);
	int fd = fixture_file(O_RDWR, (size_t)NR * SIZE);
	struct kaio_iocb iocbs[NR];
	int64_t results[NR];
	unsigned i;

	for (i = 0; i < NR; i++)
		prep_reads(&iocbs[i], fd, buffer, i);
	fixture_push(queue, iocbs, NR);
	ck_assert_ok(ftruncate(fd, 3 * SIZE + 512));
	fixture_collect_all(queue, 2, iocbs, NR, results);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(results[i], i < 3 ? SIZE : i == 3 ? 512 : 0);
	fixture_check(buffer, 3 * SIZE + 512, 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* With O_DIRECT too, where it is to be had: a file of odd length. */
static void read_shorter(int fd, int eof_ok)
{
	const struct kaio_transfer_params params = {
		.flags = eof_ok ? KAIO_TRANSFER_EOF_OK : 0
	};
	char *buffer = fixture_buffer((size_t)NR * SIZE);
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_transfer *transfer;
	unsigned i;

	ck_assert_ok(kaio_transfer_create(&transfer, queue, NR, &params));
	for (i = 0; i < NR; i++)
		prep_reads(kaio_transfer_iocb(transfer, i), fd, buffer, i);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
	ck_assert_ok(ftruncate(fd, 3 * SIZE + 1000));
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
			 eof_ok ? 0 : -ENODATA);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(kaio_transfer_result(transfer, i),
				 i < 3	  ? SIZE
				 : i == 3 ? 1000
					  : 0);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 3 * SIZE + 1000);
	fixture_check(buffer, 3 * SIZE + 1000, 0);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(a_transfer_tells_the_end_of_file_by_enodata_and_its_bytes)
{
	read_shorter(fixture_file(O_RDWR, (size_t)NR * SIZE), 0);
	read_shorter(fixture_file(O_RDWR, (size_t)NR * SIZE), 1);
}
END_TEST

START_TEST(with_o_direct_a_transfer_tells_the_same)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, (size_t)NR * SIZE);

	if (fd < 0)
		SKIP("no O_DIRECT on this file system");
	read_shorter(fd, 0);
	read_shorter(fixture_file(O_RDWR | O_DIRECT, (size_t)NR * SIZE), 1);
}
END_TEST

static bool stop;

static void *truncate_again_and_again(void *fd)
{
	unsigned i;

	for (i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++)
		if (ftruncate(*(int *)fd, (off_t)(i % NR) * SIZE + 512) < 0 ||
		    ftruncate(*(int *)fd, (off_t)NR * SIZE) < 0)
			return fd;
	return NULL;
}

/* What was cut off reads as zeros once the file is long again. */
static void check_words(const char *buffer, int64_t size, uint64_t offset)
{
	const uint64_t *words = (const uint64_t *)buffer;
	int64_t i;

	for (i = 0; i < size / (int64_t)sizeof(*words); i++)
		if (words[i])
			ck_assert_uint_eq(words[i],
					  offset +
						  (uint64_t)i * sizeof(*words));
}

static void read_meanwhile(struct kaio_transfer *transfer, const char *buffer)
{
	bool is_short = false;
	int64_t bytes = 0;
	unsigned i;
	int ret;

	ck_assert_ok(kaio_transfer_post(transfer));
	ret = kaio_transfer_wait(transfer, KAIO_FOREVER);
	for (i = 0; i < NR; i++) {
		int64_t result = kaio_transfer_result(transfer, i);

		ck_assert_int_ge(result, 0);
		ck_assert_int_le(result, SIZE);
		check_words(buffer + (size_t)i * SIZE, result,
			    (uint64_t)i * SIZE);
		is_short |= result < SIZE;
		bytes += result;
	}
	ck_assert_int_eq(ret, is_short ? -ENODATA : 0);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), bytes);
}

START_TEST(a_file_that_shrinks_and_grows_meanwhile_is_read_to_a_true_count)
{
	char *buffer = fixture_buffer((size_t)NR * SIZE);
	struct kaio_queue *queue = fixture_queue(3, 0);
	int fd = fixture_file(O_RDWR, (size_t)NR * SIZE);
	struct kaio_transfer *transfer;
	pthread_t thread;
	void *failed;
	unsigned i;

	ck_assert_ok(kaio_transfer_create(&transfer, queue, NR, NULL));
	for (i = 0; i < NR; i++)
		prep_reads(kaio_transfer_iocb(transfer, i), fd, buffer, i);
	ck_assert_ok(
		pthread_create(&thread, NULL, truncate_again_and_again, &fd));
	for (i = 0; i < POSTS; i++)
		read_meanwhile(transfer, buffer);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	ck_assert_ok(pthread_join(thread, &failed));
	ck_assert_ptr_null(failed);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_world_truncated(void)
{
	const TTest *tests[] = {
		a_queue_tells_short_counts_and_zeros_beyond_the_new_end,
		a_transfer_tells_the_end_of_file_by_enodata_and_its_bytes,
		with_o_direct_a_transfer_tells_the_same,
		a_file_that_shrinks_and_grows_meanwhile_is_read_to_a_true_count,
	};

	return harness_both_ways("world: truncated", tests, COUNT(tests));
}
