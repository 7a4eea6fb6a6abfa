/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What a file of /proc or /sys says. */
#ifndef PSEUDO_FILE_H
#define PSEUDO_FILE_H

#include <kaio/abi.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * 0 with a string of less than size bytes, empty if it cannot be read; or a
 * negative errno. Not by open, read and close, which are cancellation points.
 */
static inline int pseudo_file_read(const char *path, char *text, size_t size)
{
	long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	long length;

	if (fd < 0)
		return -errno;
	length = syscall(SYS_read, fd, text, size - 1);
	if (length < 0)
		length = 0;
	KAIO_MSAN_WRITTEN(text, (size_t)length);
	text[length] = '\0';
	syscall(SYS_close, fd);
	return 0;
}

static inline int pseudo_file_number(const char *path, uint64_t *number)
{
	char text[32];
	char *end;
	int ret = pseudo_file_read(path, text, sizeof(text));

	if (ret < 0)
		return ret;
	*number = strtoull(text, &end, 10);
	return end == text ? -ENODATA : 0;
}

#endif
