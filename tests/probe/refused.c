/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The probe layer: what it says where the kernel refuses to answer. */
#include "disk.h"
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "policy.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NO_POLICY "there are no seccomp filters, or no fork"
#define SIZE 262144

static struct kaio_file_info info_of(int fd)
{
	struct kaio_file_info info;

	errno = 4711;
	ck_assert_ok(kaio_get_file_info(fd, &info));
	ck_assert_int_eq(errno, 4711);
	return info;
}

static int direct_file(void)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, SIZE);

	return fd >= 0 && info_of(fd).flags & KAIO_FILE_CAN_DIRECT ? fd : -1;
}

#define NO_DIRECT "the directory's file system does not take O_DIRECT"

static void is_a_guess(int fd)
{
	struct kaio_file_info info = info_of(fd);

	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_GUESS);
	ck_assert_uint_ge(info.offset_align, 4096);
	ck_assert_uint_eq(info.mem_align, info.offset_align);
	ck_assert_uint_eq(info.read_align, info.offset_align);
}

START_TEST(without_statx_and_sysfs_the_alignment_is_a_guess)
{
	int fd = direct_file();

	if (fd < 0)
		SKIP(NO_DIRECT);
	faults_fail(SYS_statx, ENOSYS, 1);
	faults_fail(SYS_openat, ENOENT, 2);
	is_a_guess(fd);
	faults_reset();
	faults_fail(SYS_statx, ENOSYS, 1);
	faults_fail(SYS_read, EIO, 2);
	is_a_guess(fd);
}
END_TEST

START_TEST(a_file_system_that_does_not_say_what_it_is_may_be_direct)
{
	int fd = direct_file();
	struct kaio_file_info told;
	struct kaio_file_info info;

	if (fd < 0)
		SKIP(NO_DIRECT);
	told = info_of(fd);
	if (!policy_refuse(SYS_fstatfs, ENOSYS))
		SKIP(NO_POLICY);
	info = info_of(fd);
	ck_assert_uint_eq(info.flags, told.flags | KAIO_FILE_ASYNC);
	ck_assert_uint_eq(info.offset_align, told.offset_align);
	faults_fail(SYS_statx, ENOSYS, 1);
	faults_fail(SYS_openat, ENOENT, 2);
	ck_assert_uint_eq(info_of(fd).offset_align, 4096);
}
END_TEST

START_TEST(a_device_that_answers_nothing_has_no_size_and_a_guess)
{
	struct kaio_file_info info;

	if (!disk_attach(512))
		SKIP("%s", disk_reason);
	if (!policy_refuse(SYS_ioctl, EPERM))
		SKIP(NO_POLICY);
	faults_fail(SYS_statx, ENOSYS, 1);
	info = info_of(disk_fd);
	ck_assert_uint_eq(info.kind, KAIO_FILE_BLOCK);
	ck_assert_uint_eq(info.size, 0);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_GUESS);
	ck_assert_uint_ne(info.flags & KAIO_FILE_ASYNC, 0);
}
END_TEST

START_TEST(what_cannot_be_stated_is_passed_through)
{
	struct kaio_file_info info = { .size = 4711 };

	if (!policy_refuse_stat(EIO))
		SKIP(NO_POLICY);
	errno = 4711;
	ck_assert_int_eq(kaio_get_file_info(0, &info), -EIO);
	ck_assert_int_eq(errno, 4711);
	ck_assert_uint_eq(info.size, 4711);
}
END_TEST

static void tell_memory_alone(uint32_t *words)
{
	words[0] |= 0x2000;
	words[0x98 / 4] = 512;
	words[0x9c / 4] = 0;
}

START_TEST(half_an_alignment_is_no_direct_io)
{
	int fd = direct_file();
	struct kaio_file_info info;

	if (fd < 0)
		SKIP(NO_DIRECT);
	faults_edit_statx(tell_memory_alone);
	info = info_of(fd);
	ck_assert_uint_eq(info.flags, KAIO_FILE_DIRECT);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_NONE);
	ck_assert_uint_eq(info.mem_align, 1);
}
END_TEST

enum change {
	REFUSED,
	NOTHING_APPEARS,
	ANOTHER_APPEARS,
	ANOTHER_RESULT,
	NR_CHANGES,
};

static enum change change;
static bool changed;

/* The operation by which the probe tries the ring is the first of all. */
static int change_operation(long number, long *arguments)
{
	static struct kaio_iocb other, *others = &other;
	static char byte;
	struct kaio_iocb *iocb;

	if (number != SYS_io_submit || !arguments[1] || changed)
		return 0;
	changed = true;
	if (change == REFUSED)
		return EPERM;
	iocb = *(struct kaio_iocb **)(uintptr_t)arguments[2];
	if (change == NOTHING_APPEARS) {
		kaio_prep_poll(iocb, (int)iocb->fildes, POLLIN);
	} else if (change == ANOTHER_APPEARS) {
		other = *iocb;
		arguments[2] = (long)(uintptr_t)&others;
	} else {
		kaio_prep_pread(iocb, fixture_file(O_RDONLY, 1), &byte, 1, 0);
	}
	return 0;
}

START_TEST(a_ring_that_is_not_as_expected_does_not_work)
{
	struct kaio_probe probe;

	for (change = 0; change < NR_CHANGES; change++) {
		changed = false;
		faults_before_call(change_operation);
		ck_assert_ok(kaio_probe_system(&probe));
		ck_assert(changed);
		ck_assert_int_eq(probe.ring, -ENOTSUP);
		ck_assert_ok(probe.getevents);
	}
	faults_before_call(NULL);
	faults_other_ring(true);
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_int_eq(probe.ring, -ENOTSUP);
}
END_TEST

START_TEST(without_the_ring_either_getevents_is_enough)
{
	struct kaio_probe probe;

	faults_other_ring(true);
	faults_fail(SYS_io_getevents, EPERM, 1);
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_int_eq(probe.getevents, -EPERM);
	ck_assert_ok(probe.pgetevents);
	faults_fail(SYS_io_pgetevents, EPERM, 1);
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_ok(probe.getevents);
	ck_assert_int_eq(probe.pgetevents, -EPERM);
}
END_TEST

START_TEST(where_completions_cannot_be_collected_it_is_enosys)
{
	const int refused = -EPERM;
	struct kaio_probe probe;

	faults_script_submit(&refused, 1);
	faults_fail(SYS_io_getevents, EPERM, 1);
	faults_fail(SYS_io_pgetevents, EPERM, 1);
	ck_assert_int_eq(kaio_probe_system(&probe), -ENOSYS);
	ck_assert_int_eq(probe.ring, -ENOTSUP);
	ck_assert_int_eq(probe.getevents, -EPERM);
	ck_assert_ok(probe.setup);
}
END_TEST

/* Results of io_submit: for the ring, and for five operations. */
#define FIVE 1, -EBADF, -EBADF, -EBADF, -EBADF

START_TEST(without_memfd_a_sync_is_known_if_a_poll_is)
{
	const int poll[] = { FIVE, 1 };
	const int no_poll[] = { FIVE, -EINVAL };
	const uint32_t syncs = 1u << KAIO_OP_FSYNC | 1u << KAIO_OP_FDSYNC;
	struct kaio_probe probe;

	if (!policy_refuse(SYS_memfd_create, ENOSYS))
		SKIP(NO_POLICY);
	faults_script_submit(poll, COUNT(poll));
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_uint_eq(probe.opcodes & syncs, syncs);
	faults_script_submit(no_poll, COUNT(no_poll));
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_uint_eq(probe.opcodes & syncs, 0);
}
END_TEST

START_TEST(without_a_memfd_for_want_of_descriptors_it_is_enfile)
{
	struct kaio_probe probe;
	int before = dup(0);

	ck_assert_ok(close(before));
	if (!policy_refuse(SYS_memfd_create, ENFILE))
		SKIP(NO_POLICY);
	ck_assert_int_eq(kaio_probe_system(&probe), -ENFILE);
	ck_assert_int_eq(dup(0), before);
}
END_TEST

START_TEST(a_cancel_that_does_not_find_the_poll_is_told)
{
	const int results[] = { FIVE, 1, 1, 1, 0 };
	struct kaio_probe probe;

	faults_script_submit(results, COUNT(results));
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_int_eq(probe.cancel, -EINVAL);
}
END_TEST

START_TEST(a_cancel_that_is_refused_is_told_although_no_poll_is_taken)
{
	const int results[] = { FIVE, 1, 1, 1, 0 };
	struct kaio_probe probe;

	faults_fail(SYS_io_cancel, ENOSYS, 1);
	faults_script_submit(results, COUNT(results));
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_int_eq(probe.cancel, -ENOSYS);
}
END_TEST

/* As if a file took no flag at all: NOWAIT is not concluded from nothing. */
START_TEST(where_all_rw_flags_are_refused_there_are_none)
{
	int results[30] = { FIVE, 1, 1, 1, 1 };
	struct kaio_probe probe;
	size_t i;

	for (i = 9; i < COUNT(results); i++)
		results[i] = -EOPNOTSUPP;
	faults_script_submit(results, COUNT(results));
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_uint_eq(probe.rw_flags, 0);
}
END_TEST

static unsigned unknown;

static int refuse_unknown(long number, long *arguments)
{
	const struct kaio_iocb *iocb;

	if (number != SYS_io_submit || !arguments[1])
		return 0;
	iocb = *(struct kaio_iocb **)(uintptr_t)arguments[2];
	/* The kernel looks at the eventfd first. */
	if (iocb->flags & KAIO_IOCB_RESFD)
		return EINVAL;
	return iocb->rw_flags & unknown ? EOPNOTSUPP : 0;
}

static uint32_t rw_flags_without(unsigned flag)
{
	struct kaio_probe probe;

	unknown = flag;
	ck_assert_ok(kaio_probe_system(&probe));
	return probe.rw_flags;
}

/* Of the pair of which one excludes the other, older kernels know only one. */
START_TEST(a_kernel_that_does_not_know_an_rw_flag_knows_the_others)
{
	const unsigned pair = KAIO_RWF_APPEND | KAIO_RWF_NOAPPEND;
	uint32_t known = rw_flags_without(0);
	unsigned flag;

	faults_before_call(refuse_unknown);
	for (flag = KAIO_RWF_HIPRI; flag <= KAIO_RWF_NOSIGNAL; flag *= 2)
		if (known & flag & ~(pair | KAIO_RWF_NOWAIT))
			ck_assert_uint_eq(rw_flags_without(flag),
					  known & ~flag);
	if (known & KAIO_RWF_APPEND)
		ck_assert_uint_eq(rw_flags_without(KAIO_RWF_NOAPPEND) & pair,
				  KAIO_RWF_APPEND);
}
END_TEST

Suite *suite_probe_refused(void)
{
	const TTest *tests[] = {
		without_statx_and_sysfs_the_alignment_is_a_guess,
		a_file_system_that_does_not_say_what_it_is_may_be_direct,
		a_device_that_answers_nothing_has_no_size_and_a_guess,
		what_cannot_be_stated_is_passed_through,
		half_an_alignment_is_no_direct_io,
		a_ring_that_is_not_as_expected_does_not_work,
		without_the_ring_either_getevents_is_enough,
		where_completions_cannot_be_collected_it_is_enosys,
		without_memfd_a_sync_is_known_if_a_poll_is,
		without_a_memfd_for_want_of_descriptors_it_is_enfile,
		a_cancel_that_does_not_find_the_poll_is_told,
		a_cancel_that_is_refused_is_told_although_no_poll_is_taken,
		where_all_rw_flags_are_refused_there_are_none,
		a_kernel_that_does_not_know_an_rw_flag_knows_the_others,
	};

	return harness_suite("refused", tests, COUNT(tests));
}
