/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The probe layer on block devices and file systems of several kinds. */
#include "alignment.h"
#include "disk.h"
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "policy.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_SIZE 262144

static int open_file(void)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, FILE_SIZE);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static struct kaio_file_info info_of(int fd)
{
	struct kaio_file_info info;

	ck_assert_ok(kaio_get_file_info(fd, &info));
	return info;
}

static void is_direct(const struct kaio_file_info *info,
		      enum kaio_file_kind kind, uint64_t size, unsigned async)
{
	ck_assert_uint_eq(info->kind, kind);
	ck_assert_uint_eq(info->size, size);
	ck_assert_uint_eq(info->flags,
			  KAIO_FILE_DIRECT | KAIO_FILE_CAN_DIRECT | async);
}

/* As the kernel tells it, and as it was told before Linux 6.1. */
static void check_device(uint32_t sector_size)
{
	struct kaio_file_info info = info_of(disk_fd);

	is_direct(&info, KAIO_FILE_BLOCK, DISK_SIZE, KAIO_FILE_ASYNC);
	ck_assert_uint_eq(info.offset_align, sector_size);
	alignment_is_the_kernels(disk_fd, &info);
	alignment_is_accepted(disk_fd, &info);
	alignment_is_needed(disk_fd, &info);
	faults_fail(SYS_statx, ENOSYS, 1);
	info = info_of(disk_fd);
	is_direct(&info, KAIO_FILE_BLOCK, DISK_SIZE, KAIO_FILE_ASYNC);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_DEVICE);
	ck_assert_uint_eq(info.offset_align, sector_size);
	alignment_is_accepted(disk_fd, &info);
}

static void check_file(uint32_t sector_size, unsigned async)
{
	int fd = open_file();
	struct kaio_file_info info = info_of(fd);

	is_direct(&info, KAIO_FILE_REGULAR, FILE_SIZE, async);
	alignment_is_the_kernels(fd, &info);
	if (info.align_source == KAIO_ALIGN_FILE) {
		ck_assert_uint_ge(info.offset_align, sector_size);
		alignment_is_needed(fd, &info);
	}
	alignment_is_accepted(fd, &info);
	faults_fail(SYS_statx, ENOSYS, 1);
	info = info_of(fd);
	is_direct(&info, KAIO_FILE_REGULAR, FILE_SIZE, async);
	ck_assert_uint_ge(info.align_source, KAIO_ALIGN_DEVICE);
	if (info.align_source == KAIO_ALIGN_DEVICE)
		ck_assert_uint_eq(info.offset_align, sector_size);
	alignment_is_accepted(fd, &info);
}

#define DEVICE_TEST(name, sector_size)           \
	START_TEST(name)                         \
	{                                        \
		if (!disk_attach(sector_size))   \
			SKIP("%s", disk_reason); \
		check_device(sector_size);       \
	}                                        \
	END_TEST

#define FILE_TEST(name, type, options, sector_size, async)                   \
	START_TEST(name)                                                     \
	{                                                                    \
		if (!disk_attach(sector_size) || !disk_mount(type, options)) \
			SKIP("%s", disk_reason);                             \
		check_file(sector_size, async);                              \
	}                                                                    \
	END_TEST

DEVICE_TEST(a_device_with_sectors_of_512_bytes, 512)
DEVICE_TEST(a_device_with_sectors_of_4096_bytes, 4096)
FILE_TEST(ext4_on_sectors_of_512_bytes, "ext4", "-q", 512, KAIO_FILE_ASYNC)
FILE_TEST(ext4_on_sectors_of_4096_bytes, "ext4", "-q", 4096, KAIO_FILE_ASYNC)
FILE_TEST(xfs_on_sectors_of_512_bytes, "xfs", "-q -f", 512, KAIO_FILE_ASYNC)
FILE_TEST(xfs_on_sectors_of_4096_bytes, "xfs", "-q -f", 4096, KAIO_FILE_ASYNC)
FILE_TEST(btrfs_on_sectors_of_512_bytes, "btrfs", "-q -f", 512, 0)
FILE_TEST(btrfs_on_sectors_of_4096_bytes, "btrfs", "-q -f", 4096, 0)

static void set_nocow(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int flags = 0;

	ck_assert_int_ge(fd, 0);
	/* An int is what musl takes. */
	ck_assert_ok(ioctl(fd, (int)FS_IOC_GETFLAGS, &flags));
	flags |= FS_NOCOW_FL;
	ck_assert_ok(ioctl(fd, (int)FS_IOC_SETFLAGS, &flags));
	close(fd);
}

/* As chattr +C does: files made from now on have no checksums. */
START_TEST(btrfs_without_checksums_is_asynchronous)
{
	if (!disk_attach(512) || !disk_mount("btrfs", "-q -f"))
		SKIP("%s", disk_reason);
	set_nocow("/tmp");
	check_file(512, KAIO_FILE_ASYNC);
}
END_TEST

START_TEST(btrfs_that_does_not_tell_may_have_checksums)
{
	int fd;

	if (!disk_attach(512) || !disk_mount("btrfs", "-q -f"))
		SKIP("%s", disk_reason);
	set_nocow("/tmp");
	fd = open_file();
	ck_assert_uint_ne(info_of(fd).flags & KAIO_FILE_ASYNC, 0);
	if (!policy_refuse(SYS_ioctl, ENOTTY))
		SKIP("there are no seccomp filters, or no fork");
	ck_assert_uint_eq(info_of(fd).flags & KAIO_FILE_ASYNC, 0);
}
END_TEST

START_TEST(reads_of_btrfs_are_asynchronous_with_checksums_too)
{
	char path[64];
	int fd;

	if (!disk_attach(512) || !disk_mount("btrfs", "-q -f"))
		SKIP("%s", disk_reason);
	fd = open_file();
	ck_assert_uint_eq(info_of(fd).flags & KAIO_FILE_ASYNC, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_uint_eq(info_of(open(path, O_RDONLY | O_DIRECT)).flags,
			  KAIO_FILE_DIRECT | KAIO_FILE_CAN_DIRECT |
				  KAIO_FILE_ASYNC);
	ck_assert_uint_eq(info_of(open(path, O_WRONLY | O_DIRECT)).flags,
			  KAIO_FILE_DIRECT | KAIO_FILE_CAN_DIRECT);
}
END_TEST

START_TEST(a_block_device_is_asynchronous_wherever_its_name_is)
{
	struct stat status;
	int fd;

	if (!disk_attach(512) || !disk_mount("btrfs", "-q -f"))
		SKIP("%s", disk_reason);
	ck_assert_ok(fstat(disk_fd, &status));
	ck_assert_ok(mknod("/tmp/disk", S_IFBLK | 0600, status.st_rdev));
	fd = open("/tmp/disk", O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		SKIP("a mounted disk cannot be opened: %s", strerror(errno));
	ck_assert_uint_ne(info_of(fd).flags & KAIO_FILE_ASYNC, 0);
}
END_TEST

/* Sectors of 512 bytes, by sysfs; a guess would be 4096. */
static void has_the_sectors_of_its_disk(void)
{
	struct kaio_file_info info;

	faults_fail(SYS_statx, ENOSYS, 1);
	info = info_of(open_file());
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_DEVICE);
	ck_assert_uint_eq(info.offset_align, 512);
}

START_TEST(without_statx_a_file_has_the_sectors_of_its_disk)
{
	if (!disk_attach(512) || !disk_mount("ext4", "-q"))
		SKIP("%s", disk_reason);
	has_the_sectors_of_its_disk();
}
END_TEST

/* In sysfs they are beside it. */
START_TEST(a_partition_has_the_sectors_of_its_disk)
{
	if (!disk_attach_partition(512) || !disk_mount("ext4", "-q"))
		SKIP("%s", disk_reason);
	has_the_sectors_of_its_disk();
}
END_TEST

START_TEST(the_guess_is_the_file_systems_block_size_up_to_65536)
{
	struct kaio_file_info info;
	int fd;

	if (!disk_attach(512) || !disk_mount("xfs", "-q -f -b size=65536"))
		SKIP("%s", disk_reason);
	fd = open_file();
	faults_fail(SYS_statx, ENOSYS, 1);
	faults_fail(SYS_openat, EACCES, 2);
	info = info_of(fd);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_GUESS);
	ck_assert_uint_eq(info.mem_align, 65536);
	ck_assert_uint_eq(info.offset_align, 65536);
}
END_TEST

static void has_no_direct_io(void)
{
	int fd = fixture_file(O_RDWR, FILE_SIZE);
	struct kaio_file_info info = info_of(fd);

	ck_assert_uint_eq(info.kind, KAIO_FILE_REGULAR);
	ck_assert_uint_eq(info.flags, 0);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_NONE);
	alignment_is_accepted(fd, &info);
}

START_TEST(tmpfs_has_no_direct_io)
{
	if (!disk_mount_tmpfs(NULL))
		SKIP("%s", disk_reason);
	has_no_direct_io();
}
END_TEST

START_TEST(ramfs_has_no_direct_io)
{
	if (!disk_mount_ramfs())
		SKIP("%s", disk_reason);
	has_no_direct_io();
}
END_TEST

Suite *suite_probe_mounts(void)
{
	const TTest *tests[] = {
		a_device_with_sectors_of_512_bytes,
		a_device_with_sectors_of_4096_bytes,
		ext4_on_sectors_of_512_bytes,
		ext4_on_sectors_of_4096_bytes,
		xfs_on_sectors_of_512_bytes,
		xfs_on_sectors_of_4096_bytes,
		btrfs_on_sectors_of_512_bytes,
		btrfs_on_sectors_of_4096_bytes,
		btrfs_without_checksums_is_asynchronous,
		btrfs_that_does_not_tell_may_have_checksums,
		reads_of_btrfs_are_asynchronous_with_checksums_too,
		a_block_device_is_asynchronous_wherever_its_name_is,
		without_statx_a_file_has_the_sectors_of_its_disk,
		a_partition_has_the_sectors_of_its_disk,
		the_guess_is_the_file_systems_block_size_up_to_65536,
		tmpfs_has_no_direct_io,
		ramfs_has_no_direct_io,
	};

	return harness_suite("mounts", tests, COUNT(tests));
}
