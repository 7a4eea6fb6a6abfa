/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: the layout of its structures, and its inline helpers. */
#include "fixture-libaio.h"
#include "suites.h"

#define iocb kernel_iocb
#define io_event kernel_io_event
#include <linux/aio_abi.h>
#undef iocb
#undef io_event

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

#define SAME(a, b) _Static_assert((a) == (b), #a " is " #b)
#define SIZE(type, member) sizeof(((type *)0)->member)
#define AT(member, theirs)                  \
	SAME(offsetof(struct iocb, member), \
	     offsetof(struct kernel_iocb, theirs))
#define LIKE(member, theirs) \
	AT(member, theirs);  \
	SAME(SIZE(struct iocb, member), SIZE(struct kernel_iocb, theirs))

/* A pointer or a long is the low half of the kernel's 64 bits. */
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 - sizeof(long) : 0)
#define WORD_AT(type, member, kernel_type, theirs)      \
	SAME(offsetof(type, member),                    \
	     offsetof(kernel_type, theirs) + LOW_HALF); \
	SAME(SIZE(type, member), sizeof(long))
#define WORD(member, theirs) \
	WORD_AT(struct iocb, member, struct kernel_iocb, theirs)
#define EVENT(member) \
	WORD_AT(struct io_event, member, struct kernel_io_event, member)

SAME(sizeof(struct iocb), sizeof(struct kernel_iocb));
SAME(sizeof(struct iocb), 64);
WORD(data, aio_data);
LIKE(key, aio_key);
LIKE(aio_rw_flags, aio_rw_flags);
LIKE(aio_lio_opcode, aio_lio_opcode);
LIKE(aio_reqprio, aio_reqprio);
LIKE(aio_fildes, aio_fildes);
WORD(u.c.buf, aio_buf);
WORD(u.c.nbytes, aio_nbytes);
LIKE(u.c.offset, aio_offset);
LIKE(u.c.flags, aio_flags);
LIKE(u.c.resfd, aio_resfd);
WORD(u.v.vec, aio_buf);
WORD(u.v.nr, aio_nbytes);
LIKE(u.v.offset, aio_offset);
WORD(u.saddr.addr, aio_buf);
WORD(u.saddr.len, aio_nbytes);
SAME(SIZE(struct iocb, u.poll.events), 4);
SAME(offsetof(struct iocb, u.poll.events),
     offsetof(struct kernel_iocb, aio_buf) +
	     (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0));

SAME(sizeof(struct io_event), sizeof(struct kernel_io_event));
SAME(sizeof(struct io_event), 32);
EVENT(data);
EVENT(obj);
EVENT(res);
EVENT(res2);

SAME((int)IO_CMD_PREAD, (int)IOCB_CMD_PREAD);
SAME((int)IO_CMD_PWRITE, (int)IOCB_CMD_PWRITE);
SAME((int)IO_CMD_FSYNC, (int)IOCB_CMD_FSYNC);
SAME((int)IO_CMD_FDSYNC, (int)IOCB_CMD_FDSYNC);
SAME((int)IO_CMD_POLL, (int)IOCB_CMD_POLL);
SAME((int)IO_CMD_NOOP, (int)IOCB_CMD_NOOP);
SAME((int)IO_CMD_PREADV, (int)IOCB_CMD_PREADV);
SAME((int)IO_CMD_PWRITEV, (int)IOCB_CMD_PWRITEV);

SAME(sizeof(io_context_t), sizeof(void *));

/* An iocb with other values in every field. */
static struct iocb *used(struct iocb *iocb)
{
	memset(iocb, 0x55, sizeof(*iocb));
	return iocb;
}

/* As the kernel sees it; fields that are not named are 0. */
#define ck_assert_iocb(prepared, ...)                                       \
	do {                                                                \
		struct kernel_iocb expected = { __VA_ARGS__ };              \
		ck_assert_mem_eq(&(prepared), &expected, sizeof(expected)); \
	} while (0)

static char buf[16];
static const long long offset = 0x123456789a;

START_TEST(the_helpers_for_buffers_fill_every_field)
{
	struct iocb iocb;

	io_prep_pread(used(&iocb), 3, buf, 16, offset);
	ck_assert_iocb(iocb, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = 3,
		       .aio_buf = (uintptr_t)buf, .aio_nbytes = 16,
		       .aio_offset = offset);
	io_prep_pwrite(used(&iocb), 4, buf, 15, -1);
	ck_assert_iocb(iocb, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = 4,
		       .aio_buf = (uintptr_t)buf, .aio_nbytes = 15,
		       .aio_offset = -1);
}
END_TEST

START_TEST(the_helpers_for_vectors_fill_every_field)
{
	const struct iovec iov[2] = { { buf, 8 }, { buf + 8, 8 } };
	struct iocb iocb;

	io_prep_preadv(used(&iocb), 5, iov, 2, offset);
	ck_assert_iocb(iocb, .aio_lio_opcode = IOCB_CMD_PREADV, .aio_fildes = 5,
		       .aio_buf = (uintptr_t)iov, .aio_nbytes = 2,
		       .aio_offset = offset);
	io_prep_pwritev(used(&iocb), 6, iov, 1, offset);
	ck_assert_iocb(iocb, .aio_lio_opcode = IOCB_CMD_PWRITEV,
		       .aio_fildes = 6, .aio_buf = (uintptr_t)iov,
		       .aio_nbytes = 1, .aio_offset = offset);
	io_prep_preadv2(used(&iocb), 7, iov, 2, offset, 8);
	ck_assert_iocb(iocb, .aio_lio_opcode = IOCB_CMD_PREADV, .aio_fildes = 7,
		       .aio_buf = (uintptr_t)iov, .aio_nbytes = 2,
		       .aio_offset = offset, .aio_rw_flags = 8);
	io_prep_pwritev2(used(&iocb), 8, iov, 2, offset, 2);
	ck_assert_iocb(iocb, .aio_lio_opcode = IOCB_CMD_PWRITEV,
		       .aio_fildes = 8, .aio_buf = (uintptr_t)iov,
		       .aio_nbytes = 2, .aio_offset = offset,
		       .aio_rw_flags = 2);
}
END_TEST

START_TEST(the_helpers_without_data_fill_every_field)
{
	struct iocb iocb;

	io_prep_fsync(used(&iocb), 3);
	ck_assert_iocb(iocb, .aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = 3);
	io_prep_fdsync(used(&iocb), 4);
	ck_assert_iocb(iocb, .aio_lio_opcode = IOCB_CMD_FDSYNC,
		       .aio_fildes = 4);
	io_prep_poll(used(&iocb), 5, POLLIN | POLLPRI);
	ck_assert_iocb(iocb, .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = 5,
		       .aio_buf = POLLIN | POLLPRI);
}
END_TEST

static void callback(io_context_t ctx, struct iocb *iocb, long res, long res2)
{
	(void)ctx;
	(void)iocb;
	(void)res;
	(void)res2;
}

START_TEST(the_setters_change_only_what_they_set)
{
	const io_callback_t function = callback;
	struct iocb iocb, before;

	used(&iocb);
	used(&before);
	io_set_callback(&iocb, function);
	before.data = (void *)(uintptr_t)function;
	ck_assert_mem_eq(&iocb, &before, sizeof(iocb));
	iocb.u.c.flags = before.u.c.flags = 2;
	io_set_eventfd(&iocb, 9);
	before.u.c.flags = 2 | IOCB_FLAG_RESFD;
	before.u.c.resfd = 9;
	ck_assert_mem_eq(&iocb, &before, sizeof(iocb));
}
END_TEST

START_TEST(the_submitting_helpers_prepare_and_submit)
{
	io_context_t ctx = libaio_context(4);
	int fd = fixture_file(O_RDWR, 4096);
	struct iocb iocb;

	ck_assert_call(io_fsync(ctx, used(&iocb), callback, fd), 1);
	ck_assert_int_eq(libaio_result(ctx, &iocb), 0);
	ck_assert_ptr_eq(iocb.data, (void *)(uintptr_t)callback);
	ck_assert_int_eq(iocb.aio_lio_opcode, IO_CMD_FSYNC);
	ck_assert_call(io_fdsync(ctx, used(&iocb), callback, fd), 1);
	ck_assert_int_eq(libaio_result(ctx, &iocb), 0);
	ck_assert_int_eq(iocb.aio_lio_opcode, IO_CMD_FDSYNC);
	ck_assert_call(io_poll(ctx, used(&iocb), callback, fd, POLLIN), 1);
	ck_assert_int_ge(libaio_result(ctx, &iocb), POLLIN);
	ck_assert_ptr_eq(iocb.data, (void *)(uintptr_t)callback);
	ck_assert_call(io_fsync(ctx, &iocb, callback, -1), -EBADF);
	ck_assert_call(io_fdsync(ctx, &iocb, callback, -1), -EBADF);
	ck_assert_call(io_poll(ctx, &iocb, callback, -1, POLLIN), -EBADF);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

Suite *suite_libaio_layout(void)
{
	const TTest *tests[] = {
		the_helpers_for_buffers_fill_every_field,
		the_helpers_for_vectors_fill_every_field,
		the_helpers_without_data_fill_every_field,
		the_setters_change_only_what_they_set,
		the_submitting_helpers_prepare_and_submit,
	};

	return libaio_suite("libaio: layout", tests, COUNT(tests));
}
