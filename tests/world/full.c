/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Writes to file systems that are full, and beyond RLIMIT_FSIZE. */
#include "disk.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define NR 8
#define SIZE 32768

static int new_file(int flags)
{
	int fd = open("/tmp/kaio", O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* NR writes, one after the other in the file, of what fixture_fill() has. */
static struct kaio_transfer *writes(struct kaio_queue *queue, int fd,
				    char *buffer)
{
	struct kaio_transfer *transfer;
	unsigned i;

	ck_assert_ok(kaio_transfer_create(&transfer, queue, NR, NULL));
	fixture_fill(buffer, (size_t)NR * SIZE, 0);
	for (i = 0; i < NR; i++)
		kaio_prep_pwrite(kaio_transfer_iocb(transfer, i), fd,
				 buffer + (size_t)i * SIZE, SIZE,
				 (int64_t)i * SIZE);
	return transfer;
}

/* As many as fit are whole, the others failed, and no bytes are uncounted. */
static void check_writes(struct kaio_transfer *transfer, int fd, int error,
			 int64_t bytes)
{
	char *read_back = fixture_buffer((size_t)NR * SIZE);
	unsigned whole = (unsigned)(bytes / SIZE);
	unsigned i;

	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), error);
	ck_assert_int_eq(kaio_transfer_active(transfer), 0);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(kaio_transfer_result(transfer, i),
				 i < whole ? SIZE : error);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), bytes);
	ck_assert_int_eq(pread(fd, read_back, (size_t)NR * SIZE, 0), bytes);
	fixture_check(read_back, (size_t)bytes, 0);
}

START_TEST(a_full_tmpfs_ends_a_transfer_with_enospc_and_its_bytes_counted)
{
	char *buffer = fixture_buffer((size_t)NR * SIZE);
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_transfer *transfer;
	int fd;

	/* Two and a half of the writes. */
	if (!disk_mount_tmpfs("size=80k"))
		SKIP("%s", disk_reason);
	if (sysconf(_SC_PAGESIZE) != 4096)
		SKIP("pages are not of 4096 bytes");
	fd = new_file(0);
	transfer = writes(queue, fd, buffer);
	ck_assert_ok(kaio_transfer_post(transfer));
	check_writes(transfer, fd, -ENOSPC, 80 * 1024);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* All of it but a few blocks. */
static void fill_file_system(void)
{
	int fd = open("/tmp/filler", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct statvfs free;

	ck_assert_ok(fstatvfs(fd, &free));
	while (free.f_bavail > 16) {
		off_t end = lseek(fd, 0, SEEK_END);
		off_t size = (off_t)(free.f_bsize * (free.f_bavail / 2));

		ck_assert_ok(posix_fallocate(fd, end, size));
		ck_assert_ok(fstatvfs(fd, &free));
	}
	while (fallocate(fd, 0, lseek(fd, 0, SEEK_END), 4096) == 0)
		;
	close(fd);
}

/* Writes that overwrite and writes that need a block, in turn. */
START_TEST(a_full_ext4_refuses_new_blocks_and_does_all_other_writes)
{
	struct kaio_queue *queue = fixture_queue(NR, 0);
	struct kaio_iocb iocbs[NR];
	int64_t results[NR];
	char *buffer = fixture_buffer(NR * 4096);
	unsigned i;
	int fd;

	if (!disk_attach(512) || !disk_mount("ext4", "-q"))
		SKIP("%s", disk_reason);
	fd = new_file(O_DIRECT);
	ck_assert_ok(ftruncate(fd, (off_t)NR * 65536));
	fixture_fill(buffer, NR * 4096, 0);
	for (i = 0; i < NR; i += 2)
		ck_assert_int_eq(pwrite(fd, buffer, 4096, (off_t)i * 65536),
				 4096);
	fill_file_system();
	for (i = 0; i < NR; i++)
		kaio_prep_pwrite(&iocbs[i], fd, buffer, 4096,
				 (int64_t)i * 65536);
	fixture_push(queue, iocbs, NR);
	fixture_collect_all(queue, 1, iocbs, NR, results);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(results[i], i % 2 ? -ENOSPC : 4096);
	ck_assert_ok(unlink("/tmp/filler"));
	fixture_push(queue, iocbs, NR);
	fixture_collect_all(queue, 1, iocbs, NR, results);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(results[i], 4096);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* Check, too, writes to a file for each of its assertions. */
static void limit_file_size(rlim_t size)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
		abort();
	limit.rlim_cur = size;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		abort();
}

START_TEST(rlimit_fsize_ends_a_transfer_with_efbig_and_its_bytes_counted)
{
	char *buffer = fixture_buffer((size_t)NR * SIZE);
	struct kaio_queue *queue = fixture_queue(2, 0);
	struct kaio_transfer *transfer;
	int fd = fixture_file(O_RDWR, 8);
	int posted;

	signal(SIGXFSZ, SIG_IGN);
	transfer = writes(queue, fd, buffer);
	limit_file_size(80 * 1024);
	posted = kaio_transfer_post(transfer);
	kaio_transfer_wait(transfer, KAIO_FOREVER);
	limit_file_size(RLIM_INFINITY);
	ck_assert_ok(posted);
	check_writes(transfer, fd, -EFBIG, 80 * 1024);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static volatile sig_atomic_t signals;

static void count(int number)
{
	(void)number;
	signals++;
}

START_TEST(sigxfsz_comes_to_the_thread_that_submits)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_iocb iocb;
	int64_t result;
	int fd = fixture_file(O_RDWR, 8);
	int before, after;

	signal(SIGXFSZ, count);
	kaio_prep_pwrite(&iocb, fd, "", 1, 4096);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	limit_file_size(4096);
	before = signals;
	kaio_queue_submit(queue);
	after = signals;
	limit_file_size(RLIM_INFINITY);
	ck_assert_int_eq(before, 0);
	ck_assert_int_eq(after, 1);
	fixture_collect_all(queue, 1, &iocb, 1, &result);
	ck_assert_int_eq(result, -EFBIG);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_world_full(void)
{
	const TTest *tests[] = {
		a_full_tmpfs_ends_a_transfer_with_enospc_and_its_bytes_counted,
		a_full_ext4_refuses_new_blocks_and_does_all_other_writes,
		rlimit_fsize_ends_a_transfer_with_efbig_and_its_bytes_counted,
		sigxfsz_comes_to_the_thread_that_submits,
	};

	return harness_both_ways("world: full", tests, COUNT(tests));
}
