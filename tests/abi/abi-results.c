/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The ABI layer: the results of operations that were accepted. */
#include "calls.h"
#include "suites.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

START_TEST(reads_and_writes_return_the_bytes_they_moved)
{
	static const char text[] = "0123456789";
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	char buf[32];
	int fd = new_file();

	kaio_prep_pwrite(&iocb, fd, text, 10, 5);
	kaio_iocb_set_data64(&iocb, UINT64_MAX);
	ck_assert_int_eq(complete(ctx, &iocb).res, 10);
	kaio_prep_pread(&iocb, fd, buf, sizeof(buf), 7);
	ck_assert_int_eq(complete(ctx, &iocb).res, 8);
	ck_assert_mem_eq(buf, text + 2, 8);
	kaio_prep_pread(&iocb, fd, buf, sizeof(buf), 15);
	ck_assert_int_eq(complete(ctx, &iocb).res, 0);
}
END_TEST

/* A file of 64 KiB with O_DIRECT, or -1. */
static int direct_file(void)
{
	static char zeros[65536];
	char name[64];
	int fd = new_file();

	ck_assert_int_eq(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
	ck_assert_ok(fsync(fd));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return open(name, O_RDWR | O_DIRECT);
}

START_TEST(misaligned_direct_io_fails_in_its_event)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	char *buf = page(PROT_READ | PROT_WRITE);
	int fd = direct_file();

	if (fd < 0)
		SKIP("no O_DIRECT where temporary files are");
	if (pread(fd, buf + 1, 511, 1) >= 0)
		SKIP("this file system reads misaligned, O_DIRECT too");
	kaio_prep_pread(&iocb, fd, buf + 1, 511, 1);
	ck_assert_int_eq(complete(ctx, &iocb).res, -EINVAL);
	kaio_prep_pwrite(&iocb, fd, buf + 1, 511, 1);
	ck_assert_int_eq(complete(ctx, &iocb).res, -EINVAL);
	kaio_prep_pread(&iocb, fd, buf, page_size(), 0);
	ck_assert_int_eq(complete(ctx, &iocb).res, (int)page_size());
}
END_TEST

START_TEST(an_unmapped_buffer_fails_in_its_event)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	void *nowhere = page(PROT_NONE);
	int fd = direct_file();

	kaio_prep_pread(&iocb, open("/dev/zero", O_RDONLY), nowhere, 8, 0);
	ck_assert_int_eq(complete(ctx, &iocb).res, -EFAULT);
	kaio_prep_pwrite(&iocb, new_file(), nowhere, 8, 0);
	ck_assert_int_eq(complete(ctx, &iocb).res, -EFAULT);
	if (fd < 0)
		SKIP("no O_DIRECT where temporary files are");
	kaio_prep_pread(&iocb, fd, nowhere, page_size(), 0);
	ck_assert_int_eq(complete(ctx, &iocb).res, -EFAULT);
}
END_TEST

START_TEST(nowait_fails_in_its_event_where_it_would_wait)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;
	char byte = 'x';
	int fds[2];
	int ret;

	ck_assert_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	kaio_prep_pread(&iocb, fds[0], &byte, 1, 0);
	kaio_iocb_set_rw_flags(&iocb, KAIO_RWF_NOWAIT);
	ret = submit(ctx, &iocb);
	if (ret == -EOPNOTSUPP)
		SKIP("this kernel's sockets do not know NOWAIT");
	ck_assert_int_eq(ret, 1);
	ck_assert_call(kaio_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_int_eq(event.res, -EAGAIN);
	ck_assert_int_eq(write(fds[1], "y", 1), 1);
	ck_assert_int_eq(complete(ctx, &iocb).res, 1);
	ck_assert_int_eq(byte, 'y');
}
END_TEST

START_TEST(append_and_dsync_reach_the_file)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	char buf[8];
	int fd = new_file();

	ck_assert_int_eq(write(fd, "abc", 3), 3);
	kaio_prep_pwrite(&iocb, fd, "def", 3, 0);
	kaio_iocb_set_rw_flags(&iocb, KAIO_RWF_APPEND | KAIO_RWF_DSYNC);
	ck_assert_int_eq(complete(ctx, &iocb).res, 3);
	ck_assert_int_eq(pread(fd, buf, sizeof(buf), 0), 6);
	ck_assert_mem_eq(buf, "abcdef", 6);
}
END_TEST

START_TEST(a_poll_returns_its_events_and_those_implied)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int fds[2];

	ck_assert_ok(pipe(fds));
	kaio_prep_poll(&iocb, fds[1], POLLIN | POLLOUT);
	ck_assert_int_eq(complete(ctx, &iocb).res, POLLOUT);
	ck_assert_ok(close(fds[1]));
	kaio_prep_poll(&iocb, fds[0], POLLIN);
	ck_assert_int_eq(complete(ctx, &iocb).res, POLLHUP);
}
END_TEST

static uint64_t counter(int eventfd)
{
	uint64_t value = 0;

	return read(eventfd, &value, sizeof(value)) == sizeof(value) ? value
								     : 0;
}

START_TEST(completions_raise_their_eventfd)
{
	kaio_context_t ctx = new_context(4);
	struct kaio_event events[4];
	struct kaio_iocb iocb;
	struct kaio_iocb *list[] = { &iocb, &iocb, &iocb };
	int fd = eventfd(0, EFD_NONBLOCK);
	char byte;

	kaio_prep_pread(&iocb, open("/dev/zero", O_RDONLY), &byte, 1, 0);
	kaio_iocb_set_eventfd(&iocb, fd);
	ck_assert_call(kaio_submit(ctx, 3, list), 3);
	ck_assert_call(kaio_getevents(ctx, 3, 4, events, NULL), 3);
	ck_assert_uint_eq(counter(fd), 3);
	kaio_iocb_clear_eventfd(&iocb);
	complete(ctx, &iocb);
	ck_assert_uint_eq(counter(fd), 0);
}
END_TEST

START_TEST(an_eventfd_may_be_descriptor_0)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	char byte;

	ck_assert_int_eq(dup2(eventfd(0, EFD_NONBLOCK), 0), 0);
	kaio_prep_pread(&iocb, open("/dev/zero", O_RDONLY), &byte, 1, 0);
	kaio_iocb_set_eventfd(&iocb, 0);
	complete(ctx, &iocb);
	ck_assert_uint_eq(counter(0), 1);
}
END_TEST

/* It is copied at submission; only the address of the iocb is kept. */
START_TEST(an_operation_may_be_changed_once_it_is_submitted)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;
	static const uint64_t one = 1;
	int fd = eventfd(0, 0);

	kaio_prep_poll(&iocb, fd, POLLIN);
	kaio_iocb_set_data64(&iocb, 7);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	memset(&iocb, 0xff, sizeof(iocb));
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	ck_assert_call(kaio_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_int_eq(event.res, POLLIN);
	ck_assert_uint_eq(event.data, 7);
	ck_assert_ptr_eq(kaio_event_iocb(&event), &iocb);
}
END_TEST

Suite *suite_abi_results(void)
{
	const TTest *tests[] = {
		reads_and_writes_return_the_bytes_they_moved,
		misaligned_direct_io_fails_in_its_event,
		an_unmapped_buffer_fails_in_its_event,
		nowait_fails_in_its_event_where_it_would_wait,
		append_and_dsync_reach_the_file,
		a_poll_returns_its_events_and_those_implied,
		completions_raise_their_eventfd,
		an_eventfd_may_be_descriptor_0,
		an_operation_may_be_changed_once_it_is_submitted,
	};

	return harness_suite("abi-results", tests, COUNT(tests));
}
