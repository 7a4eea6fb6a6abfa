/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "asynchronous.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int synced(const struct async_file *file)
{
	return fsync(file->cached) < 0 ? -errno : 0;
}

int async_file_cached(const struct async_file *file)
{
	if (!file->is_device)
		pattern_fill(file->path, file->cached, file->size);
	if (pread(file->cached, file->buffer, file->size, 0) < 0)
		return -errno;
	return 0;
}

int async_file_written(const struct async_file *file)
{
	int ret = async_file_cached(file);

	if (!ret)
		ret = synced(file);
	if (ret < 0)
		return ret;
	return -posix_fadvise(file->cached, 0, 0, POSIX_FADV_DONTNEED);
}

int async_file_dirty(const struct async_file *file)
{
	int ret = async_file_cached(file);

	if (ret < 0)
		return ret;
	if (pwrite(file->cached, file->buffer, file->size, 0) < 0)
		return -errno;
	return 0;
}

int async_file_empty(const struct async_file *file)
{
	return ftruncate(file->cached, 0) < 0 ? -errno : synced(file);
}

int async_file_hole(const struct async_file *file)
{
	int ret = async_file_empty(file);

	if (ret < 0)
		return ret;
	if (ftruncate(file->cached, (off_t)file->size) < 0)
		return -errno;
	return synced(file);
}

int async_file_unwritten(const struct async_file *file)
{
	int ret = async_file_empty(file);

	if (ret < 0)
		return ret;
	/* Not posix_fallocate: it may write zeros instead. */
	if (fallocate(file->cached, 0, 0, (off_t)file->size) < 0)
		return -errno;
	return synced(file);
}

static void open_device(struct async_file *file)
{
	/* O_EXCL: not while it is mounted. */
	int flags = file->writes ? O_RDWR | O_EXCL : O_RDONLY;
	int64_t size;

	file->cached = open(file->path, flags | O_CLOEXEC);
	if (file->cached < 0)
		die("%s: %s", file->path, strerror(errno));
	size = lseek(file->cached, 0, SEEK_END);
	if (size < (int64_t)file->size)
		die("%s: too small: %lld bytes, and %zu are needed", file->path,
		    (long long)size, file->size);
}

/* Its name, which is made here, is that of the FILE and a suffix. */
static void make_file(struct async_file *file, const char *beside)
{
	size_t size = strlen(beside) + sizeof(".XXXXXX");
	char *path = must_have(malloc(size));

	snprintf(path, size, "%s.XXXXXX", beside);
	file->cached = mkstemp(path);
	if (file->cached < 0)
		die("%s: no file can be made there: %s", beside,
		    strerror(errno));
	remove_at_exit(path);
	file->path = path;
}

static int open_direct(const struct async_file *file)
{
	int flags = file->writes ? O_RDWR : O_RDONLY;
	int fd = open(file->path, flags | O_DIRECT | O_CLOEXEC);

	if (fd < 0 && errno != EINVAL)
		die("%s: %s", file->path, strerror(errno));
	return fd;
}

void async_file_open(struct async_file *file, const char *path,
		     const struct options *options)
{
	struct stat status;
	bool exists = stat(path, &status) == 0;

	*file = (struct async_file){
		.path = path,
		.is_device = exists && S_ISBLK(status.st_mode),
		.nr = options->batch ? options->batch : 8,
		.block = options->block ? options->block : 1 << 20,
	};
	if (exists && !file->is_device && !S_ISREG(status.st_mode))
		die("%s: neither a file nor a block device%s", path,
		    S_ISDIR(status.st_mode) ? ": name a file in it" : "");
	file->writes = !file->is_device || options->writes;
	file->size = file->nr * file->block;
	file->buffer = must_have(aligned_alloc(4096, file->size));
	memset(file->buffer, 0, file->size);
	if (file->is_device)
		open_device(file);
	else
		make_file(file, path);
	file->direct = open_direct(file);
}

void async_file_close(struct async_file *file)
{
	close(file->cached);
	if (file->direct >= 0)
		close(file->direct);
	if (!file->is_device) {
		unlink(file->path);
		free((char *)file->path);
	}
	free(file->buffer);
}
