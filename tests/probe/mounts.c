/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The probe layer on block devices and file systems of several kinds, which
 * takes root. What is mounted is in a mount namespace of the test's process,
 * and its loop device clears itself: both end with the process, whatever its
 * end is.
 */
#include "alignment.h"
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_SIZE 262144
#define DISK_SIZE (512L << 20)

/* Where a test ends, and why; else NULL. */
static char reason[256];
static int loop_fd = -1;
static char loop_path[32];

static bool cannot(const char *what)
{
	snprintf(reason, sizeof(reason), "%s: %s", what, strerror(errno));
	return false;
}

/* A sparse disk of its own, in memory nowhere and on no path. */
static int open_disk(void)
{
	char path[] = "/tmp/kaio-XXXXXX";
	int fd = mkstemp(path);

	if (fd >= 0 && (unlink(path) < 0 || ftruncate(fd, DISK_SIZE) < 0))
		return -1;
	return fd;
}

static bool attach_loop(uint32_t sector_size)
{
	struct loop_config config = {
		.block_size = sector_size,
		.info = { .lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO },
	};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int disk = open_disk();
	int tries;

	if (control < 0)
		return cannot("/dev/loop-control");
	if (disk < 0)
		return cannot("a file for the disk");
	config.fd = (uint32_t)disk;
	/* Others may take the free one first. */
	for (tries = 0; tries < 10; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		snprintf(loop_path, sizeof(loop_path), "/dev/loop%d", number);
		loop_fd = open(loop_path, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (loop_fd >= 0 &&
		    ioctl(loop_fd, LOOP_CONFIGURE, &config) == 0)
			return true;
		if (loop_fd >= 0)
			close(loop_fd);
	}
	return cannot("LOOP_CONFIGURE");
}

static bool mount_here(const char *type, const char *source)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return cannot("a mount namespace");
	if (mount(source, "/tmp", type, 0, NULL) < 0)
		return cannot(type);
	return true;
}

static bool mount_new(const char *type, const char *options,
		      uint32_t sector_size)
{
	char command[256];

	if (!attach_loop(sector_size))
		return false;
	snprintf(command, sizeof(command), "mkfs.%s %s %s >/dev/null 2>&1",
		 type, options, loop_path);
	if (system(command) != 0) {
		snprintf(reason, sizeof(reason),
			 "mkfs.%s is not installed, or refuses", type);
		return false;
	}
	return mount_here(type, loop_path);
}

static int open_file(void)
{
	int fd;

	ck_assert_ok(setenv("TMPDIR", "/tmp", 1));
	fd = fixture_file(O_RDWR | O_DIRECT, FILE_SIZE);
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
		      enum kaio_file_kind kind, uint64_t size)
{
	ck_assert_uint_eq(info->kind, kind);
	ck_assert_uint_eq(info->size, size);
	ck_assert_uint_eq(info->flags, KAIO_FILE_DIRECT | KAIO_FILE_CAN_DIRECT |
					       KAIO_FILE_ASYNC);
}

/* As the kernel tells it, and as it was told before Linux 6.1. */
static void check_device(uint32_t sector_size)
{
	struct kaio_file_info info = info_of(loop_fd);

	is_direct(&info, KAIO_FILE_BLOCK, DISK_SIZE);
	ck_assert_uint_eq(info.offset_align, sector_size);
	alignment_is_the_kernels(loop_fd, &info);
	alignment_is_accepted(loop_fd, &info);
	alignment_is_needed(loop_fd, &info);
	faults_fail(SYS_statx, ENOSYS, 1);
	info = info_of(loop_fd);
	is_direct(&info, KAIO_FILE_BLOCK, DISK_SIZE);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_DEVICE);
	ck_assert_uint_eq(info.offset_align, sector_size);
	alignment_is_accepted(loop_fd, &info);
}

static void check_file(uint32_t sector_size)
{
	int fd = open_file();
	struct kaio_file_info info = info_of(fd);

	is_direct(&info, KAIO_FILE_REGULAR, FILE_SIZE);
	alignment_is_the_kernels(fd, &info);
	if (info.align_source == KAIO_ALIGN_FILE) {
		ck_assert_uint_ge(info.offset_align, sector_size);
		alignment_is_needed(fd, &info);
	}
	alignment_is_accepted(fd, &info);
	faults_fail(SYS_statx, ENOSYS, 1);
	info = info_of(fd);
	is_direct(&info, KAIO_FILE_REGULAR, FILE_SIZE);
	ck_assert_uint_ge(info.align_source, KAIO_ALIGN_DEVICE);
	if (info.align_source == KAIO_ALIGN_DEVICE)
		ck_assert_uint_eq(info.offset_align, sector_size);
	alignment_is_accepted(fd, &info);
}

#define DEVICE_TEST(name, sector_size)         \
	START_TEST(name)                       \
	{                                      \
		if (!attach_loop(sector_size)) \
			SKIP("%s", reason);    \
		check_device(sector_size);     \
	}                                      \
	END_TEST

#define FILE_TEST(name, type, options, sector_size)         \
	START_TEST(name)                                    \
	{                                                   \
		if (!mount_new(type, options, sector_size)) \
			SKIP("%s", reason);                 \
		check_file(sector_size);                    \
	}                                                   \
	END_TEST

DEVICE_TEST(a_device_with_sectors_of_512_bytes, 512)
DEVICE_TEST(a_device_with_sectors_of_4096_bytes, 4096)
FILE_TEST(ext4_on_sectors_of_512_bytes, "ext4", "-q", 512)
FILE_TEST(ext4_on_sectors_of_4096_bytes, "ext4", "-q", 4096)
FILE_TEST(xfs_on_sectors_of_512_bytes, "xfs", "-q -f", 512)
FILE_TEST(xfs_on_sectors_of_4096_bytes, "xfs", "-q -f", 4096)
FILE_TEST(btrfs_on_sectors_of_512_bytes, "btrfs", "-q -f", 512)
FILE_TEST(btrfs_on_sectors_of_4096_bytes, "btrfs", "-q -f", 4096)

START_TEST(tmpfs_has_no_direct_io)
{
	struct kaio_file_info info;
	int fd;

	if (!mount_here("tmpfs", "tmpfs"))
		SKIP("%s", reason);
	ck_assert_ok(setenv("TMPDIR", "/tmp", 1));
	fd = fixture_file(O_RDWR, FILE_SIZE);
	info = info_of(fd);
	ck_assert_uint_eq(info.kind, KAIO_FILE_REGULAR);
	ck_assert_uint_eq(info.flags, 0);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_NONE);
	alignment_is_accepted(fd, &info);
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
		tmpfs_has_no_direct_io,
	};

	return harness_suite("mounts", tests, COUNT(tests));
}
