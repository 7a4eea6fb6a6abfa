/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What a file is. Nothing is changed, and nothing opened that opening changes.
 */
#define _FILE_OFFSET_BITS 64

#include "info.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	ON_DISK = 0,
	IN_MEMORY = 1,
	REMOTE = 2
};

#define BTRFS 0x9123683eu

/* The f_type of statfs(2). */
static const struct {
	uint32_t type;
	const char *name;
	int where;
} file_systems[] = {
	{ 0xef53, "ext4", ON_DISK },
	{ 0x58465342, "xfs", ON_DISK },
	{ BTRFS, "btrfs", ON_DISK },
	{ 0xf2f52010, "f2fs", ON_DISK },
	{ 0xca451a4e, "bcachefs", ON_DISK },
	{ 0x2fc12fc1, "zfs", ON_DISK },
	{ 0x73717368, "squashfs", ON_DISK },
	{ 0x9fa0, "proc", ON_DISK },
	{ 0x62656572, "sysfs", ON_DISK },
	{ 0x01021994, "tmpfs", IN_MEMORY },
	{ 0x858458f6, "ramfs", IN_MEMORY },
	{ 0x958458f6, "hugetlbfs", IN_MEMORY },
	{ 0x794c7630, "overlay", REMOTE },
	{ 0x65735546, "fuse", REMOTE },
	{ 0x6969, "nfs", REMOTE },
	{ 0xff534d42, "cifs", REMOTE },
	{ 0xfe534d42, "smb2", REMOTE },
	{ 0x01021997, "9p", REMOTE },
	{ 0x00c36400, "ceph", REMOTE },
};

/* Its f_type, or 0. */
static uint32_t find_file_system(int fd, struct file *file)
{
	struct statfs system;

	if (file->info.kind == KAIO_FILE_BLOCK || fstatfs(fd, &system) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(file_systems) / sizeof(*file_systems);
	     i++) {
		if (file_systems[i].type != (uint32_t)system.f_type)
			continue;
		file->file_system = file_systems[i].name;
		file->is_memory = file_systems[i].where == IN_MEMORY;
		file->is_remote = file_systems[i].where == REMOTE;
	}
	return (uint32_t)system.f_type;
}

static int open_file(const char *path, int access)
{
	const int flags = access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	int fd = open(path, flags | O_DIRECT);

	return fd < 0 && errno == EINVAL ? open(path, flags) : fd;
}

/*
 * A file is not opened for writing where this tells nothing: overlayfs would
 * copy it, and udev looks at a block device that was open for writing.
 */
static void examine_writes(struct file *file, uint32_t type)
{
	struct kaio_file_info info;
	int fd;

	file->writes = file->reads;
	file->writes_known = true;
	if (type != BTRFS || !file->reads)
		return;
	fd = open_file(file->path, O_WRONLY);
	file->writes_known = fd >= 0 && kaio_get_file_info(fd, &info) == 0;
	file->writes = file->writes_known && info.flags & KAIO_FILE_ASYNC;
	if (fd >= 0)
		close(fd);
}

/* Opening a pipe lets its writer go on, and opening a device may start it. */
static bool may_open(const struct stat *status, struct file *file)
{
	switch (status->st_mode & S_IFMT) {
	case S_IFIFO:
		file->info.kind = KAIO_FILE_PIPE;
		return false;
	case S_IFSOCK:
		file->info.kind = KAIO_FILE_SOCKET;
		return false;
	case S_IFCHR:
		file->info.kind = KAIO_FILE_CHAR;
		return false;
	default:
		return true;
	}
}

void info_examine(struct file *file, const char *path)
{
	struct stat status;
	int fd;

	file->path = path;
	file->writes_known = true;
	if (stat(path, &status) < 0) {
		file->error = errno;
		return;
	}
	if (!may_open(&status, file))
		return;
	fd = open_file(path, O_RDONLY);
	if (fd < 0) {
		file->error = errno;
		return;
	}
	file->error = -kaio_get_file_info(fd, &file->info);
	file->reads = file->info.flags & KAIO_FILE_ASYNC;
	file->has_holes = file->info.kind == KAIO_FILE_REGULAR &&
			  status.st_blocks < (status.st_size + 511) / 512;
	examine_writes(file, find_file_system(fd, file));
	close(fd);
}
