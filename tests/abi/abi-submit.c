/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The ABI layer: each error of kaio_submit(). */
#include "calls.h"
#include "faults.h"
#include "suites.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static char buf[16];

static int zero(void)
{
	int fd = open("/dev/zero", O_RDWR);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* An operation that the kernel accepts. */
static struct kaio_iocb good(void)
{
	struct kaio_iocb iocb;

	kaio_prep_pread(&iocb, zero(), buf, sizeof(buf), 0);
	return iocb;
}

START_TEST(a_good_operation_is_taken)
{
	struct kaio_iocb iocb = good();

	ck_assert_int_eq(submit(new_context(1), &iocb), 1);
}
END_TEST

START_TEST(a_number_below_0_or_no_context_is_invalid)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb = good();
	struct kaio_iocb *list[] = { &iocb };

	ck_assert_call(kaio_submit(ctx, -1, list), -EINVAL);
	ck_assert_call(kaio_submit(ctx, LONG_MIN, list), -EINVAL);
	ck_assert_call(kaio_submit(0, 1, list), -EINVAL);
	ck_assert_call(kaio_submit(0, 0, NULL), -EINVAL);
}
END_TEST

START_TEST(an_array_that_cannot_be_read_faults)
{
	kaio_context_t ctx = new_context(1);

	ck_assert_call(kaio_submit(ctx, 1, page(PROT_NONE)), -EFAULT);
	ck_assert_call(kaio_submit(ctx, 1, NULL), -EFAULT);
}
END_TEST

START_TEST(an_operation_that_cannot_be_read_faults)
{
	kaio_context_t ctx = new_context(1);

	ck_assert_int_eq(submit(ctx, page(PROT_NONE)), -EFAULT);
	ck_assert_int_eq(submit(ctx, NULL), -EFAULT);
}
END_TEST

/* The kernel writes its key back. */
START_TEST(an_operation_that_cannot_be_written_faults)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb *iocb = page(PROT_READ | PROT_WRITE);

	*iocb = good();
	ck_assert_ok(mprotect(iocb, page_size(), PROT_READ));
	ck_assert_int_eq(submit(ctx, iocb), -EFAULT);
}
END_TEST

START_TEST(iovecs_that_cannot_be_read_fault)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int fd = zero();

	kaio_prep_preadv(&iocb, fd, page(PROT_NONE), 2, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EFAULT);
	kaio_prep_pwritev(&iocb, fd, page(PROT_NONE), 2, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EFAULT);
}
END_TEST

START_TEST(iovecs_too_many_or_too_long_are_invalid)
{
	static struct iovec iov[IOV_MAX + 1];
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int fd = zero();

	kaio_prep_preadv(&iocb, fd, iov, IOV_MAX + 1, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	kaio_prep_preadv(&iocb, fd, iov, -1, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	kaio_prep_preadv(&iocb, fd, iov, IOV_MAX, 0);
	ck_assert_int_eq(complete(ctx, &iocb).res, 0);
	iov[1].iov_base = buf;
	iov[1].iov_len = (size_t)SSIZE_MAX + 1;
	kaio_prep_pwritev(&iocb, fd, iov, 2, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
}
END_TEST

START_TEST(reserved_members_are_invalid)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb = good();

	iocb.reserved2 = 1;
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
}
END_TEST

START_TEST(a_size_beyond_2_to_the_63_is_invalid)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb = good();

	/* ssize_t is the kernel's: 64 bits, for a 32-bit program too. */
	iocb.nbytes = (uint64_t)INT64_MAX + 1;
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	iocb.nbytes = UINT64_MAX;
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
}
END_TEST

START_TEST(an_unknown_opcode_is_invalid)
{
	static const unsigned opcodes[] = { 4, 6, 9, 0xffff };
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int fd = zero();
	size_t i;

	for (i = 0; i < COUNT(opcodes); i++) {
		kaio_prep_iocb(&iocb, opcodes[i], fd, 0, 0, 0);
		ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	}
}
END_TEST

START_TEST(an_offset_out_of_range_is_invalid)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int fd = new_file();

	kaio_prep_pread(&iocb, fd, buf, sizeof(buf), -1);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	kaio_prep_pwrite(&iocb, fd, buf, sizeof(buf), INT64_MAX);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
}
END_TEST

START_TEST(a_file_that_cannot_do_it_is_invalid)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int pipes[2];

	kaio_prep_pread(&iocb, open("/", O_RDONLY | O_DIRECTORY), buf,
			sizeof(buf), 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	ck_assert_ok(pipe(pipes));
	kaio_prep_fsync(&iocb, pipes[1]);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	kaio_prep_fdsync(&iocb, pipes[1]);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
}
END_TEST

START_TEST(members_an_opcode_does_not_use_are_invalid)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int fd = new_file();

	kaio_prep_poll(&iocb, fd, POLLIN);
	kaio_iocb_set_rw_flags(&iocb, KAIO_RWF_NOWAIT);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	kaio_prep_iocb(&iocb, KAIO_OP_POLL, fd, POLLIN, 0, 1);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	kaio_prep_iocb(&iocb, KAIO_OP_FSYNC, fd, 0, 1, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
}
END_TEST

START_TEST(a_bad_or_wrongly_opened_file_is_EBADF)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;

	kaio_prep_pread(&iocb, -1, buf, 1, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EBADF);
	kaio_prep_fsync(&iocb, 1000000);
	ck_assert_int_eq(submit(ctx, &iocb), -EBADF);
	kaio_prep_pread(&iocb, open("/dev/zero", O_WRONLY), buf, 1, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EBADF);
	kaio_prep_pwrite(&iocb, open("/dev/zero", O_RDONLY), buf, 1, 0);
	ck_assert_int_eq(submit(ctx, &iocb), -EBADF);
}
END_TEST

START_TEST(a_resfd_must_be_an_eventfd)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb = good();

	kaio_iocb_set_eventfd(&iocb, -1);
	ck_assert_int_eq(submit(ctx, &iocb), -EBADF);
	kaio_iocb_set_eventfd(&iocb, zero());
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
}
END_TEST

START_TEST(rw_flags_nobody_knows_are_EOPNOTSUPP)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb = good();

	kaio_iocb_set_rw_flags(&iocb, 0x40000000);
	ck_assert_int_eq(submit(ctx, &iocb), -EOPNOTSUPP);
	kaio_prep_pwrite(&iocb, zero(), buf, 1, 0);
	kaio_iocb_set_rw_flags(&iocb, KAIO_RWF_ATOMIC);
	ck_assert_int_eq(submit(ctx, &iocb), -EOPNOTSUPP);
}
END_TEST

START_TEST(a_priority_needs_a_class_and_the_right_to_it)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb = good();

	kaio_iocb_set_ioprio(&iocb, KAIO_IOPRIO(5, 0));
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	if (geteuid() == 0)
		ck_assert_ok(setresuid(65534, 65534, 65534));
	kaio_iocb_set_ioprio(&iocb, KAIO_IOPRIO(KAIO_IOPRIO_CLASS_RT, 0));
	ck_assert_int_eq(submit(ctx, &iocb), -EPERM);
	kaio_iocb_set_ioprio(&iocb, KAIO_IOPRIO(KAIO_IOPRIO_CLASS_BE, 7));
	ck_assert_int_eq(submit(ctx, &iocb), 1);
}
END_TEST

/* Errors that no test can cause; abi.c has a real -EAGAIN. */
START_TEST(other_errors_pass_through_as_they_are)
{
	static const int errors[] = { ENOMEM, ENOSYS, EPERM, EAGAIN };
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb = good();
	size_t i;

	for (i = 0; i < COUNT(errors); i++) {
		faults_fail(SYS_io_submit, errors[i], 1);
		ck_assert_int_eq(submit(ctx, &iocb), -errors[i]);
	}
}
END_TEST

Suite *suite_abi_submit(void)
{
	const TTest *tests[] = {
		a_good_operation_is_taken,
		a_number_below_0_or_no_context_is_invalid,
		an_array_that_cannot_be_read_faults,
		an_operation_that_cannot_be_read_faults,
		an_operation_that_cannot_be_written_faults,
		iovecs_that_cannot_be_read_fault,
		iovecs_too_many_or_too_long_are_invalid,
		reserved_members_are_invalid,
		a_size_beyond_2_to_the_63_is_invalid,
		an_unknown_opcode_is_invalid,
		an_offset_out_of_range_is_invalid,
		a_file_that_cannot_do_it_is_invalid,
		members_an_opcode_does_not_use_are_invalid,
		a_bad_or_wrongly_opened_file_is_EBADF,
		a_resfd_must_be_an_eventfd,
		rw_flags_nobody_knows_are_EOPNOTSUPP,
		a_priority_needs_a_class_and_the_right_to_it,
		other_errors_pass_through_as_they_are,
	};

	return harness_suite("abi-submit", tests, COUNT(tests));
}
