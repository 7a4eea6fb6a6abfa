/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The probe layer: what works here. */
#include "faults.h"
#include "harness.h"
#include "left.h"
#include "policy.h"
#include "suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

START_TEST(it_finds_what_is_known_to_be_here)
{
	struct kaio_probe probe;
	unsigned char *bytes = (unsigned char *)&probe;
	kaio_context_t ctx = 0;
	struct kaio_ring ring;
	size_t i;

	memset(&probe, 0xff, sizeof(probe));
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_ok(probe.setup);
	ck_assert_ok(probe.destroy);
	ck_assert_ok(probe.submit);
	ck_assert_ok(probe.getevents);
	ck_assert_uint_eq(probe.opcodes & 0x183, 0x183);
	for (i = offsetof(struct kaio_probe, reserved); i < sizeof(probe); i++)
		ck_assert_uint_eq(bytes[i], 0);
	ck_assert_ok(kaio_setup(1, &ctx));
	ck_assert_int_eq(probe.ring, kaio_ring_attach(&ring, ctx));
	ck_assert_ok(kaio_destroy(ctx));
}
END_TEST

/* pwritev2() checks the flags as AIO does, on any file. */
START_TEST(rw_flags_are_those_that_pwritev2_knows)
{
	char path[] = "/tmp/kaio-XXXXXX";
	int fd = mkstemp(path);
	struct iovec iov = { (void *)"", 1 };
	struct kaio_probe probe;
	int flag;

	ck_assert_int_ge(fd, 0);
	unlink(path);
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_uint_lt(probe.rw_flags, KAIO_RWF_NOSIGNAL * 2);
	for (flag = 1; flag <= KAIO_RWF_NOSIGNAL; flag *= 2) {
		/* musl 1.2.3 has no pwritev2(); the offset is in two longs. */
		bool taken =
			syscall(SYS_pwritev2, fd, &iov, 1, 0L, 0L, flag) == 1;

		/* A file may refuse a known flag, not accept another. */
		ck_assert_msg(!taken || probe.rw_flags & (unsigned)flag,
			      "flag %#x", (unsigned)flag);
		if (flag < KAIO_RWF_NOWAIT)
			ck_assert_int_eq(taken, (probe.rw_flags & flag) != 0);
	}
}
END_TEST

START_TEST(it_leaves_nothing_behind)
{
	int contexts = left_contexts();
	int fd = left_first_fd();
	struct kaio_probe probe;
	int i;

	errno = 4711;
	for (i = 0; i < 3; i++)
		ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_int_eq(kaio_probe_system(NULL), -EINVAL);
	faults_fail_after(SYS_io_setup, 1, EAGAIN);
	ck_assert_int_eq(kaio_probe_system(&probe), -EAGAIN);
	ck_assert_int_eq(errno, 4711);
	ck_assert_int_eq(left_first_fd(), fd);
	ck_assert_int_eq(left_contexts(), contexts);
}
END_TEST

/* The first io_setup tests whether it exists, the second makes a context. */
START_TEST(errors_of_io_setup_are_passed_through)
{
	const int errors[] = { EAGAIN, ENOMEM };
	struct kaio_probe probe;
	size_t i;

	for (i = 0; i < COUNT(errors); i++) {
		faults_fail_after(SYS_io_setup, 1, errors[i]);
		ck_assert_int_eq(kaio_probe_system(&probe), -errors[i]);
		ck_assert_int_eq(probe.setup, -errors[i]);
		ck_assert_ok(probe.getevents);
		ck_assert_uint_eq(probe.opcodes, 0);
	}
}
END_TEST

START_TEST(a_kernel_without_aio_is_enosys)
{
	const long calls[] = { SYS_io_setup,	 SYS_io_destroy,
			       SYS_io_submit,	 SYS_io_cancel,
			       SYS_io_getevents, SYS_io_pgetevents };
	struct kaio_probe probe;
	size_t i;

	for (i = 0; i < COUNT(calls); i++)
		faults_fail(calls[i], ENOSYS, 1000);
	ck_assert_int_eq(kaio_probe_system(&probe), -ENOSYS);
	ck_assert_int_eq(probe.setup, -ENOSYS);
	ck_assert_int_eq(probe.destroy, -ENOSYS);
	ck_assert_int_eq(probe.submit, -ENOSYS);
	ck_assert_int_eq(probe.cancel, -ENOSYS);
	ck_assert_int_eq(probe.getevents, -ENOSYS);
	ck_assert_int_eq(probe.pgetevents, -ENOSYS);
	ck_assert_int_eq(probe.ring, -ENOTSUP);
	ck_assert_uint_eq(probe.rw_flags, 0);
}
END_TEST

START_TEST(without_either_getevents_the_ring_is_enough)
{
	struct kaio_probe probe;
	int ret;

	faults_fail(SYS_io_getevents, ENOSYS, 1000);
	faults_fail(SYS_io_pgetevents, EPERM, 1000);
	ret = kaio_probe_system(&probe);
	ck_assert_int_eq(probe.getevents, -ENOSYS);
	ck_assert_int_eq(probe.pgetevents, -EPERM);
	ck_assert_int_eq(ret, probe.ring == 0 ? 0 : -ENOSYS);
}
END_TEST

START_TEST(memory_that_ran_out_is_no_finding)
{
	const int errors[] = { ENOMEM, EAGAIN };
	struct kaio_probe probe;
	size_t i;

	for (i = 0; i < COUNT(errors); i++) {
		faults_fail_after(SYS_io_submit, 5, errors[i]);
		ck_assert_int_eq(kaio_probe_system(&probe), -ENOMEM);
	}
}
END_TEST

static void limit_fds(rlim_t fds)
{
	struct rlimit limit;

	ck_assert_ok(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = fds;
	ck_assert_ok(setrlimit(RLIMIT_NOFILE, &limit));
}

START_TEST(without_file_descriptors_it_is_emfile)
{
	int fd = left_first_fd();
	struct kaio_probe probe;
	struct rlimit before;

	ck_assert_ok(getrlimit(RLIMIT_NOFILE, &before));
	limit_fds((rlim_t)fd + 2);
	errno = 4711;
	ck_assert_int_eq(kaio_probe_system(&probe), -EMFILE);
	ck_assert_int_eq(errno, 4711);
	ck_assert_int_eq(left_first_fd(), fd);
	limit_fds((rlim_t)fd + 1);
	ck_assert_int_eq(kaio_probe_system(&probe), -EMFILE);
	ck_assert_int_eq(left_first_fd(), fd);
	limit_fds(before.rlim_cur);
	ck_assert_ok(kaio_probe_system(&probe));
}
END_TEST

START_TEST(where_the_system_has_no_file_descriptors_it_is_enfile)
{
	struct kaio_probe probe;

	if (!policy_refuse(SYS_pipe2, ENFILE))
		SKIP("there are no seccomp filters, or no fork");
	ck_assert_int_eq(kaio_probe_system(&probe), -ENFILE);
}
END_TEST

/* Results of io_submit: for the ring, for seven operations, for a cancel. */
#define OLD_OPERATIONS \
	1, -EBADF, -EBADF, -EBADF, -EBADF, -EINVAL, -EINVAL, -EINVAL, -EINVAL
#define OPERATIONS 1, -EBADF, -EBADF, -EBADF, -EBADF, 1, 1, 1, 1

START_TEST(a_kernel_before_4_13_knows_no_rw_flags_and_four_operations)
{
	const int results[] = { OLD_OPERATIONS, -EINVAL, -EBADF, -EBADF };
	struct kaio_probe probe;

	faults_script_submit(results, COUNT(results));
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_uint_eq(probe.opcodes, 0x183);
	ck_assert_int_eq(probe.cancel, -EINVAL);
	ck_assert_uint_eq(probe.rw_flags, 0);
	ck_assert_uint_eq(probe.iocb_flags, 0);
}
END_TEST

START_TEST(a_kernel_that_takes_any_rw_flags_knows_none)
{
	const int results[] = { OPERATIONS, -EBADF, -EBADF, -EBADF };
	struct kaio_probe probe;

	faults_script_submit(results, COUNT(results));
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_uint_eq(probe.rw_flags, 0);
}
END_TEST

START_TEST(a_kernel_of_4_19_knows_nowait_although_its_pipes_do_not)
{
	const int refused = -EOPNOTSUPP;
	const int results[] = { OPERATIONS, refused, -EBADF,  -EBADF,  -EBADF,
				refused,    refused, -EBADF,  refused, refused,
				refused,    refused, refused, refused, refused,
				refused,    -EINVAL, -EINVAL };
	struct kaio_probe probe;

	faults_script_submit(results, COUNT(results));
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_uint_eq(probe.opcodes, 0x1af);
	ck_assert_uint_eq(probe.rw_flags,
			  KAIO_RWF_HIPRI | KAIO_RWF_DSYNC | KAIO_RWF_SYNC |
				  KAIO_RWF_NOWAIT | KAIO_RWF_APPEND);
	ck_assert_uint_eq(probe.iocb_flags, KAIO_IOCB_RESFD | KAIO_IOCB_IOPRIO);
}
END_TEST

Suite *suite_probe(void)
{
	const TTest *tests[] = {
		it_finds_what_is_known_to_be_here,
		rw_flags_are_those_that_pwritev2_knows,
		it_leaves_nothing_behind,
		errors_of_io_setup_are_passed_through,
		a_kernel_without_aio_is_enosys,
		without_either_getevents_the_ring_is_enough,
		memory_that_ran_out_is_no_finding,
		without_file_descriptors_it_is_emfile,
		where_the_system_has_no_file_descriptors_it_is_enfile,
		a_kernel_before_4_13_knows_no_rw_flags_and_four_operations,
		a_kernel_that_takes_any_rw_flags_knows_none,
		a_kernel_of_4_19_knows_nowait_although_its_pipes_do_not,
	};

	return harness_suite("probe", tests, COUNT(tests));
}
