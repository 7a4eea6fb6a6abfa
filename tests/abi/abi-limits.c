/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The ABI layer: what the manual says of sizes, offsets and signals. */
#include "calls.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

START_TEST(one_operation_moves_at_most_0x7ffff000_bytes)
{
	const uint64_t size = UINT64_C(3) << 30;
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	void *memory = MAP_FAILED;

	if (sizeof(size_t) > 4)
		memory = mmap(NULL, (size_t)size, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			      0);
	if (memory == MAP_FAILED)
		SKIP("3 GiB cannot be mapped");
	kaio_prep_pwrite(&iocb, open("/dev/null", O_WRONLY), memory,
			 (size_t)size, 0);
	ck_assert_int_eq(complete(ctx, &iocb).res, 0x7ffff000);
}
END_TEST

START_TEST(up_to_1024_iovecs_are_accepted)
{
	static char bytes[1025];
	struct iovec iov[1025];
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int fd = open("/dev/zero", O_RDONLY);
	size_t i;

	for (i = 0; i < COUNT(iov); i++)
		iov[i] = (struct iovec){ bytes + i, 1 };
	kaio_prep_preadv(&iocb, fd, iov, 1024, 0);
	ck_assert_int_eq(complete(ctx, &iocb).res, 1024);
	kaio_prep_preadv(&iocb, fd, iov, 1025, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
}
END_TEST

START_TEST(a_file_that_is_open_for_appending_ignores_the_offset)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	char buf[8];
	int fd = new_file();

	ck_assert_int_eq(write(fd, "abcdef", 6), 6);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	kaio_prep_pwrite(&iocb, fd, "XY", 2, 1);
	ck_assert_int_eq(complete(ctx, &iocb).res, 2);
	ck_assert_int_eq(pread(fd, buf, 8, 0), 8);
	ck_assert_mem_eq(buf, "abcdefXY", 8);
}
END_TEST

static volatile sig_atomic_t signalled;
static volatile sig_atomic_t signalled_thread;

static void note_thread(int number)
{
	signalled = number;
	signalled_thread = (sig_atomic_t)syscall(SYS_gettid);
}

struct write {
	struct kaio_iocb iocb;
	kaio_context_t ctx;
	sig_atomic_t thread;
	int64_t res;
};

static void *submit_write(void *argument)
{
	struct write *write = argument;

	write->thread = (sig_atomic_t)syscall(SYS_gettid);
	write->res = complete(write->ctx, &write->iocb).res;
	return NULL;
}

static void is_signalled(int fd, int64_t offset, int number, int error)
{
	struct write write = { .ctx = new_context(1) };
	pthread_t thread;

	ck_assert(signal(number, note_thread) != SIG_ERR);
	signalled = 0;
	kaio_prep_pwrite(&write.iocb, fd, "x", 1, offset);
	ck_assert_int_eq(pthread_create(&thread, NULL, submit_write, &write),
			 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(write.res, -error);
	ck_assert_int_eq(signalled, number);
	ck_assert_int_eq(signalled_thread, write.thread);
}

START_TEST(sigpipe_goes_to_the_thread_that_submits)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	close(ends[0]);
	is_signalled(ends[1], 0, SIGPIPE, EPIPE);
}
END_TEST

START_TEST(sigxfsz_goes_to_the_thread_that_submits)
{
	struct rlimit before;
	struct rlimit limit;
	int fd = new_file();

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 1 << 20;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	is_signalled(fd, 1 << 20, SIGXFSZ, EFBIG);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
}
END_TEST

/* A wake-up of a pipe has POLLRDNORM as well. */
START_TEST(a_polls_result_is_to_be_tested_with_and)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	kaio_prep_poll(&iocb, ends[0], POLLIN);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_call(kaio_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_int_gt(event.res, 0);
	ck_assert_int_ne(event.res & POLLIN, 0);
	ck_assert_int_eq(event.res & ~(int64_t)(POLLIN | POLLRDNORM), 0);
}
END_TEST

Suite *suite_abi_limits(void)
{
	const TTest *tests[] = {
		one_operation_moves_at_most_0x7ffff000_bytes,
		up_to_1024_iovecs_are_accepted,
		a_file_that_is_open_for_appending_ignores_the_offset,
		sigpipe_goes_to_the_thread_that_submits,
		sigxfsz_goes_to_the_thread_that_submits,
		a_polls_result_is_to_be_tested_with_and,
	};

	return harness_suite("limits", tests, COUNT(tests));
}
