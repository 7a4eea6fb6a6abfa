/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* A file's alignment for O_DIRECT, and whether its I/O is asynchronous. */
#define _FILE_OFFSET_BITS 64

#include "pseudo-file.h"

#include <kaio/probe.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

/* The kernel's struct statx: many C libraries have an older one. */
struct attributes {
	uint32_t mask;
	uint32_t unused1;
	uint64_t attributes;
	uint64_t unused2[17];
	uint32_t dio_mem_align;
	uint32_t dio_offset_align;
	uint32_t unused3[5];
	uint32_t dio_read_offset_align;
	uint64_t unused4[9];
};

#define HAS_DIO_ALIGN 0x00002000u      /* STATX_DIOALIGN, since Linux 6.1 */
#define HAS_DIO_READ_ALIGN 0x00020000u /* STATX_DIO_READ_ALIGN, since 6.14 */
#define ATTRIBUTE_DAX 0x00200000u      /* STATX_ATTR_DAX */

_Static_assert(sizeof(struct attributes) == 256, "struct statx");

/* statfs(2): file systems in the page cache, with O_DIRECT and without it. */
#define RAMFS 0x858458f6u
#define TMPFS 0x01021994u
#define HUGETLBFS 0x958458f6u
#define BTRFS 0x9123683eu

/* Of <linux/fs.h>, which musl lacks. The kernel writes an int. */
#define GET_INODE_FLAGS _IOR('f', 1, long)
#define INODE_NOCOW 0x00800000u

/* Logical blocks of devices: mostly at most 4096, never more than 65536. */
#define GUESS_MIN 4096u
#define GUESS_MAX 65536u

static void get_attributes(int fd, struct attributes *attributes)
{
	memset(attributes, 0, sizeof(*attributes));
#ifdef SYS_statx
	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH,
		    HAS_DIO_ALIGN | HAS_DIO_READ_ALIGN, attributes) < 0)
		memset(attributes, 0, sizeof(*attributes));
#endif
}

static uint32_t kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return KAIO_FILE_REGULAR;
	case S_IFBLK:
		return KAIO_FILE_BLOCK;
	case S_IFCHR:
		return KAIO_FILE_CHAR;
	case S_IFDIR:
		return KAIO_FILE_DIRECTORY;
	case S_IFIFO:
		return KAIO_FILE_PIPE;
	case S_IFSOCK:
		return KAIO_FILE_SOCKET;
	default:
		return KAIO_FILE_OTHER;
	}
}

static bool is_power_of_2(uint64_t number)
{
	return number && !(number & (number - 1));
}

static bool is_in_memory(const struct statfs *system)
{
	uint32_t type = (uint32_t)system->f_type;

	return type == RAMFS || type == TMPFS || type == HUGETLBFS;
}

/* A disk has a queue folder in its own, a partition in its disk's. */
static uint32_t sysfs_block_size(dev_t device)
{
	const char *const queues[] = { "queue", "../queue" };
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < 2 && !size; i++) {
		char path[128];

		snprintf(path, sizeof(path),
			 "/sys/dev/block/%u:%u/%s/logical_block_size",
			 major(device), minor(device), queues[i]);
		(void)pseudo_file_number(path, &size);
	}
	return (uint32_t)size;
}

/* musl takes requests as int, which does not hold all of them. */
static bool ask(int fd, unsigned long request, void *answer)
{
	return ioctl(fd, request, answer) >= 0;
}

static uint32_t device_block_size(int fd, const struct stat *status)
{
	int size = 0;

	if (!S_ISBLK(status->st_mode))
		return sysfs_block_size(status->st_dev);
	(void)ask(fd, BLKSSZGET, &size);
	return (uint32_t)size;
}

static uint32_t guess(const struct statfs *system)
{
	uint64_t size = (uint64_t)system->f_bsize;

	return is_power_of_2(size) && size > GUESS_MIN && size <= GUESS_MAX
		       ? (uint32_t)size
		       : GUESS_MIN;
}

static void set_alignment(struct kaio_file_info *info,
			  enum kaio_align_source source, uint32_t memory,
			  uint32_t offset)
{
	info->flags |= KAIO_FILE_CAN_DIRECT;
	info->align_source = source;
	info->mem_align = memory;
	info->offset_align = offset;
	info->read_align = offset;
}

static void find_alignment(int fd, const struct stat *status,
			   const struct statfs *system,
			   const struct attributes *attributes,
			   struct kaio_file_info *info)
{
	uint32_t size;

	if (info->kind == KAIO_FILE_REGULAR && is_in_memory(system))
		return;
	if (attributes->mask & HAS_DIO_ALIGN) {
		if (!attributes->dio_mem_align || !attributes->dio_offset_align)
			return;
		set_alignment(info, KAIO_ALIGN_FILE, attributes->dio_mem_align,
			      attributes->dio_offset_align);
		if (attributes->mask & HAS_DIO_READ_ALIGN &&
		    attributes->dio_read_offset_align)
			info->read_align = attributes->dio_read_offset_align;
		return;
	}
	size = device_block_size(fd, status);
	if (is_power_of_2(size)) {
		set_alignment(info, KAIO_ALIGN_DEVICE, size, size);
		return;
	}
	size = guess(system);
	set_alignment(info, KAIO_ALIGN_GUESS, size, size);
}

/*
 * For data with checksums, btrfs_direct_write() does a buffered write and waits
 * for it. A file with the attribute NOCOW has no checksums; one that has none
 * because of the mount option nodatasum cannot be told from others.
 */
static bool may_have_checksums(int fd, const struct statfs *system)
{
	unsigned flags = 0;

	return (uint32_t)system->f_type == BTRFS &&
	       !(ask(fd, GET_INODE_FLAGS, &flags) && flags & INODE_NOCOW);
}

static bool is_async(int fd, int open_flags, enum kaio_file_kind kind,
		     const struct statfs *system,
		     const struct attributes *attributes)
{
	/* fstatfs of a block device is about the file system of its name. */
	bool writes_file = kind == KAIO_FILE_REGULAR &&
			   (open_flags & O_ACCMODE) != O_RDONLY;

	/* DAX is memory: dax_iomap_rw() copies before it returns. */
	return open_flags & O_DIRECT &&
	       !(attributes->attributes & ATTRIBUTE_DAX) &&
	       !(writes_file && may_have_checksums(fd, system));
}

/* For regular files and block devices. */
static void describe(int fd, int open_flags, const struct stat *status,
		     struct kaio_file_info *info)
{
	struct attributes attributes;
	struct statfs system;

	if (fstatfs(fd, &system) < 0)
		memset(&system, 0, sizeof(system));
	KAIO_MSAN_WRITTEN(&system, sizeof(system));
	get_attributes(fd, &attributes);
	if (info->kind == KAIO_FILE_REGULAR)
		info->size = (uint64_t)status->st_size;
	else if (!ask(fd, BLKGETSIZE64, &info->size))
		info->size = 0;
	find_alignment(fd, status, &system, &attributes, info);
	if (open_flags & O_DIRECT)
		info->flags |= KAIO_FILE_DIRECT;
	if (info->flags & KAIO_FILE_CAN_DIRECT &&
	    is_async(fd, open_flags, info->kind, &system, &attributes))
		info->flags |= KAIO_FILE_ASYNC;
}

static int file_info(int fd, struct kaio_file_info *info)
{
	struct kaio_file_info found = { .mem_align = 1,
					.offset_align = 1,
					.read_align = 1 };
	int flags = fcntl(fd, F_GETFL);
	struct stat status;

	if (flags < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (flags & O_PATH)
		return -EBADF;
	KAIO_MSAN_WRITTEN(&status, sizeof(status));
	found.kind = kind_of(status.st_mode);
	if (found.kind == KAIO_FILE_REGULAR || found.kind == KAIO_FILE_BLOCK)
		describe(fd, flags, &status, &found);
	*info = found;
	return 0;
}

__attribute__((cold)) int kaio_get_file_info(int fd,
					     struct kaio_file_info *info)
{
	int saved = errno;
	int ret;

	if (!info)
		return -EINVAL;
	ret = file_info(fd, info);
	errno = saved;
	return ret;
}
