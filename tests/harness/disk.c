/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

int disk_file = -1;
int disk_fd = -1;
char disk_path[32];
char disk_reason[256];

static bool cannot(const char *what)
{
	snprintf(disk_reason, sizeof(disk_reason), "%s: %s", what,
		 strerror(errno));
	return false;
}

static int open_disk(void)
{
	char path[] = "/tmp/kaio-XXXXXX";
	int fd = mkstemp(path);

	if (fd >= 0 && (unlink(path) < 0 || ftruncate(fd, DISK_SIZE) < 0))
		return -1;
	return fd;
}

static bool attach(uint32_t sector_size, uint32_t flags)
{
	struct loop_config config = {
		.block_size = sector_size,
		.info = { .lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO |
				      flags },
	};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int tries;

	disk_file = open_disk();
	if (control < 0)
		return cannot("/dev/loop-control");
	if (disk_file < 0)
		return cannot("a file for the disk");
	config.fd = (uint32_t)disk_file;
	/* Another process may take the free one first. */
	for (tries = 0; tries < 10; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		snprintf(disk_path, sizeof(disk_path), "/dev/loop%d", number);
		disk_fd = open(disk_path, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (disk_fd >= 0 &&
		    ioctl(disk_fd, LOOP_CONFIGURE, &config) == 0)
			return true;
		if (disk_fd >= 0)
			close(disk_fd);
	}
	return cannot("LOOP_CONFIGURE");
}

bool disk_attach(uint32_t sector_size)
{
	return attach(sector_size, 0);
}

/*
 * Not by a table, which not every kernel can read. Under PARTSCAN the partition
 * goes when the loop device is cleared.
 */
bool disk_attach_partition(uint32_t sector_size)
{
	struct blkpg_partition partition = { .pno = 1,
					     .start = 1 << 20,
					     .length = 64 << 20 };
	struct blkpg_ioctl_arg argument = { .op = BLKPG_ADD_PARTITION,
					    .datalen = sizeof(partition),
					    .data = &partition };

	if (!attach(sector_size, LO_FLAGS_PARTSCAN))
		return false;
	if (ioctl(disk_fd, BLKPG, &argument) < 0)
		return cannot("BLKPG_ADD_PARTITION");
	strncat(disk_path, "p1", sizeof(disk_path) - strlen(disk_path) - 1);
	return access(disk_path, F_OK) == 0 || cannot(disk_path);
}

static bool mount_here(const char *type, const char *source,
		       const char *options)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return cannot("a mount namespace");
	if (mount(source, "/tmp", type, 0, options) < 0)
		return cannot(type);
	return setenv("TMPDIR", "/tmp", 1) == 0;
}

bool disk_mount(const char *type, const char *options)
{
	char command[256];

	snprintf(command, sizeof(command), "mkfs.%s %s %s >/dev/null 2>&1",
		 type, options, disk_path);
	if (system(command) != 0) {
		snprintf(disk_reason, sizeof(disk_reason),
			 "mkfs.%s is not installed, or refuses", type);
		return false;
	}
	return mount_here(type, disk_path, NULL);
}

bool disk_mount_tmpfs(const char *options)
{
	return mount_here("tmpfs", "tmpfs", options);
}

bool disk_mount_ramfs(void)
{
	return mount_here("ramfs", "ramfs", NULL);
}
