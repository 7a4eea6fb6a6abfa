/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: data of reads and writes, and errors of files. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/uio.h>

/* Of <sys/uio.h>, except with musl. */
#ifndef RWF_NOWAIT
#include <linux/fs.h>
#endif

#define SIZE 65536
#define PIECE 4096
#define NR (SIZE / PIECE)

static struct timespec none;

/* Submits one operation, and waits for its result. */
static long perform(io_context_t ctx, struct iocb *iocb)
{
	struct iocb *list[] = { iocb };

	ck_assert_call(io_submit(ctx, 1, list), 1);
	return libaio_result(ctx, iocb);
}

START_TEST(every_kind_of_read_and_write_moves_its_data)
{
	io_context_t ctx = libaio_context(1);
	int fd = fixture_file(O_RDWR, SIZE);
	char *buf = fixture_buffer(SIZE);
	const struct iovec iov[2] = { { buf, PIECE },
				      { buf + PIECE, SIZE - PIECE } };
	struct iocb iocb;

	io_prep_pread(&iocb, fd, buf, PIECE, PIECE);
	ck_assert_int_eq(perform(ctx, &iocb), PIECE);
	fixture_check(buf, PIECE, PIECE);
	io_prep_preadv(&iocb, fd, iov, 2, 0);
	ck_assert_int_eq(perform(ctx, &iocb), SIZE);
	fixture_check(buf, SIZE, 0);
	memset(buf, 0, SIZE);
	io_prep_preadv2(&iocb, fd, iov, 2, 0, 0);
	ck_assert_int_eq(perform(ctx, &iocb), SIZE);
	fixture_check(buf, SIZE, 0);

	fixture_fill(buf, SIZE, SIZE);
	io_prep_pwrite(&iocb, fd, buf, PIECE, SIZE);
	ck_assert_int_eq(perform(ctx, &iocb), PIECE);
	io_prep_pwritev(&iocb, fd, iov + 1, 1, SIZE + PIECE);
	ck_assert_int_eq(perform(ctx, &iocb), SIZE - PIECE);
	memset(buf, 0, SIZE);
	ck_assert_int_eq(pread(fd, buf, SIZE, SIZE), SIZE);
	fixture_check(buf, SIZE, SIZE);
	fixture_fill(buf, SIZE, 2 * SIZE);
	io_prep_pwritev2(&iocb, fd, iov, 2, 2 * SIZE, RWF_DSYNC);
	ck_assert_int_eq(perform(ctx, &iocb), SIZE);
	memset(buf, 0, SIZE);
	ck_assert_int_eq(pread(fd, buf, SIZE, 2 * SIZE), SIZE);
	fixture_check(buf, SIZE, 2 * SIZE);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_read_at_the_end_of_the_file_is_short)
{
	io_context_t ctx = libaio_context(1);
	int fd = fixture_file(O_RDONLY, 5000);
	char *buf = fixture_buffer(SIZE);
	struct iocb iocb;

	io_prep_pread(&iocb, fd, buf, SIZE, PIECE);
	ck_assert_int_eq(perform(ctx, &iocb), 5000 - PIECE);
	fixture_check(buf, 5000 - PIECE, PIECE);
	io_prep_pread(&iocb, fd, buf, SIZE, 5000);
	ck_assert_int_eq(perform(ctx, &iocb), 0);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(direct_reads_in_flight_together_get_their_own_data)
{
	int fd = fixture_file(O_RDONLY | O_DIRECT, SIZE);
	char *buf = fixture_buffer(SIZE);
	struct iocb iocbs[NR];
	struct iocb *list[NR];
	struct io_event events[NR];
	io_context_t ctx;
	size_t i, seen = 0;

	if (fd < 0)
		SKIP("the file system has no O_DIRECT");
	ctx = libaio_context(NR);
	for (i = 0; i < NR; i++) {
		list[i] = &iocbs[i];
		io_prep_pread(&iocbs[i], fd, buf + i * PIECE, PIECE,
			      (long long)((NR - 1 - i) * PIECE));
	}
	ck_assert_call(io_submit(ctx, NR, list), NR);
	while (seen < NR) {
		int ret = CALL(io_getevents(ctx, 1, NR, events + seen, NULL));

		ck_assert_int_ge(ret, 1);
		seen += (size_t)ret;
	}
	for (i = 0; i < NR; i++) {
		struct iocb *iocb = events[i].obj;

		ck_assert_int_eq((long)events[i].res, PIECE);
		fixture_check(iocb->u.c.buf, PIECE, (uint64_t)iocb->u.c.offset);
		memset(iocb->u.c.buf, 0xaa, PIECE);
	}
	io_prep_pread(&iocbs[0], fd, buf + 1, PIECE, 0);
	ck_assert_int_eq(perform(ctx, &iocbs[0]), -EINVAL);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals = signals + 1;
}

START_TEST(a_write_past_the_file_size_limit_is_efbig)
{
	const struct rlimit limit = { PIECE, PIECE };
	const struct sigaction action = { .sa_handler = count_signal };
	io_context_t ctx = libaio_context(1);
	char *buf = fixture_buffer(2 * PIECE);
	int fd = fixture_file(O_RDWR, 16);
	struct iocb iocb;

	ck_assert_ok(sigaction(SIGXFSZ, &action, NULL));
	ck_assert_ok(setrlimit(RLIMIT_FSIZE, &limit));
	io_prep_pwrite(&iocb, fd, buf, 2 * PIECE, 0);
	ck_assert_int_eq(perform(ctx, &iocb), PIECE);
	ck_assert_int_eq(signals, 0);
	io_prep_pwrite(&iocb, fd, buf, PIECE, PIECE);
	ck_assert_int_eq(perform(ctx, &iocb), -EFBIG);
	ck_assert_int_eq(signals, 1);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_full_file_system_is_enospc)
{
	char name[] = "libaio-full-XXXXXX";
	char file[sizeof(name) + 5];
	io_context_t ctx = libaio_context(1);
	char *buf = fixture_buffer(SIZE);
	struct iocb iocb;
	int fd;

	/* In a mount namespace that ends with this process. */
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0)
		SKIP("only root can mount");
	ck_assert_ptr_nonnull(mkdtemp(name));
	if (mount("none", name, "tmpfs", 0, "size=32k") != 0) {
		rmdir(name);
		SKIP("no tmpfs can be mounted");
	}
	snprintf(file, sizeof(file), "%s/file", name);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_ok(umount2(name, MNT_DETACH));
	ck_assert_ok(rmdir(name));
	io_prep_pwrite(&iocb, fd, buf, SIZE, 0);
	ck_assert_int_eq(perform(ctx, &iocb), 32768);
	io_prep_pwrite(&iocb, fd, buf, SIZE, 32768);
	ck_assert_int_eq(perform(ctx, &iocb), -ENOSPC);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(nowait_is_eagain_where_it_would_block)
{
	io_context_t ctx = libaio_context(1);
	char buf[8] = "";
	const struct iovec iov = { buf, sizeof(buf) };
	struct iocb iocb;
	int pipes[2];

	ck_assert_ok(pipe2(pipes, O_CLOEXEC));
	io_prep_preadv2(&iocb, pipes[0], &iov, 1, 0, RWF_NOWAIT);
	ck_assert_int_eq(perform(ctx, &iocb), -EAGAIN);
	io_prep_pwritev2(&iocb, pipes[1], &iov, 1, 0, RWF_NOWAIT);
	ck_assert_int_eq(perform(ctx, &iocb), sizeof(buf));
	io_prep_preadv2(&iocb, pipes[0], &iov, 1, 0, RWF_NOWAIT);
	ck_assert_int_eq(perform(ctx, &iocb), sizeof(buf));
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* As event loops do: the eventfd is drained first, then the ring. */
START_TEST(an_eventfd_in_epoll_reports_every_completion)
{
	int done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event interest = { .events = EPOLLIN };
	io_context_t ctx = libaio_context(NR);
	uint64_t announced = 0;
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	struct tally tally;
	size_t i;

	ck_assert_ok(epoll_ctl(epoll, EPOLL_CTL_ADD, done, &interest));
	tally_begin(&tally, 10 * NR);
	for (i = 0; i < tally.nr;) {
		size_t end = i + 1 + i % NR;

		for (; i < end && i < tally.nr; i++) {
			libaio_good(&iocb, i);
			io_set_eventfd(&iocb, done);
			ck_assert_call(io_submit(ctx, 1, list), 1);
		}
		while (tally_total(&tally) < i) {
			struct io_event events[NR];
			uint64_t count;
			int ret;

			ck_assert_int_eq(epoll_wait(epoll, &interest, 1, -1),
					 1);
			ck_assert_int_eq(read(done, &count, sizeof(count)),
					 sizeof(count));
			announced += count;
			do {
				ret = CALL(io_getevents(ctx, 0, NR / 2, events,
							&none));
				ck_assert_int_ge(ret, 0);
				tally_add(&tally, events, ret);
			} while (ret > 0);
		}
	}
	ck_assert_uint_eq(announced, tally.nr);
	ck_assert_int_eq(epoll_wait(epoll, &interest, 1, 0), 0);
	tally_end(&tally);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

Suite *suite_libaio_files(void)
{
	const TTest *tests[] = {
		every_kind_of_read_and_write_moves_its_data,
		a_read_at_the_end_of_the_file_is_short,
		direct_reads_in_flight_together_get_their_own_data,
		a_write_past_the_file_size_limit_is_efbig,
		a_full_file_system_is_enospc,
		nowait_is_eagain_where_it_would_block,
		an_eventfd_in_epoll_reports_every_completion,
	};

	return libaio_suite("libaio: files", tests, COUNT(tests));
}
