/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The file or device, and what can be known of it before it is measured. */
#include "bench.h"

#include <kaio.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *to_remove;

static void remove_it(void)
{
	unlink(to_remove);
}

void remove_at_exit(const char *path)
{
	if (!to_remove)
		atexit(remove_it);
	free(to_remove);
	to_remove = must_have(strdup(path));
}

const char *target_make(const char *directory, uint64_t size)
{
	static char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/kaio-bench.XXXXXX", directory);
	fd = mkstemp(path);
	if (fd < 0)
		die("%s: no file can be made there: %s", directory,
		    strerror(errno));
	remove_at_exit(path);
	pattern_fill(path, fd, size);
	close(fd);
	return path;
}

static int open_it(const char *path, bool writes, bool direct)
{
	int flags = writes ? O_WRONLY : O_RDONLY;
	int fd = open(path, flags | O_CLOEXEC | (direct ? O_DIRECT : 0));

	if (fd < 0 && errno == EINVAL && direct)
		die("%s: its file system has no O_DIRECT: name a file "
		    "elsewhere, or give --buffered",
		    path);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void check_size(const struct target *target, uint64_t least)
{
	if (target->size < least)
		die("%s: too small: %" PRIu64 " bytes, and %" PRIu64
		    " are needed; \"kaio-bench fill\" makes it larger",
		    target->path, target->size, least);
}

static void check_alignment(const struct target *target,
			    const struct kaio_file_info *info, uint64_t block)
{
	if (block % info->offset_align)
		die("%s: blocks of %" PRIu64 " bytes are no multiple of %u, "
		    "which O_DIRECT asks for there",
		    target->path, block, info->offset_align);
}

/* By one block, moved as all the others will be. */
static void try_it(struct target *target, uint64_t block)
{
	void *buffer =
		must_have(aligned_alloc(4096, (block + 4095) & ~4095ULL));
	uint64_t before = kernel_bytes(target->writes);
	int64_t moved;

	pattern_put(buffer, block, 0);
	moved = target->writes ? pwrite(target->fd, buffer, block, 0)
			       : pread(target->fd, buffer, block, 0);
	if (moved < 0)
		die("%s: %s", target->path, strerror(errno));
	if ((uint64_t)moved != block)
		die("%s: only %" PRId64 " of %" PRIu64 " bytes at its start",
		    target->path, moved, block);
	target->counted = kernel_bytes(target->writes) - before == block;
	target->patterned = target->seeks && pattern_is(buffer, block, 0);
	free(buffer);
}

struct target target_open(const char *path, const struct options *options,
			  uint64_t least, uint64_t block)
{
	struct target target = { .path = path };
	struct kaio_file_info info;
	struct stat status;
	bool direct;

	if (stat(path, &status) < 0)
		die("%s: %s", path, strerror(errno));
	/* There is nothing to be had from most of them but by writing. */
	target.writes = options->writes || S_ISCHR(status.st_mode);
	target.seeks = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
	if (options->verify && target.writes && target.seeks)
		usage_error("%s: --verify is for reads", path);
	direct = target.seeks && !options->buffered;
	target.fd = open_it(path, target.writes, direct);
	if (kaio_get_file_info(target.fd, &info) < 0)
		die("%s: cannot be asked for its alignment", path);
	target.size = info.size;
	if (target.seeks)
		check_size(&target, least);
	if (direct)
		check_alignment(&target, &info, block);
	try_it(&target, block);
	if (!target.patterned && options->verify)
		die("%s: nothing to verify: it does not hold the pattern of "
		    "\"kaio-bench fill\"",
		    path);
	if (target.seeks && !(info.flags & KAIO_FILE_ASYNC))
		note("%s: its I/O is not asynchronous: it is done when it is "
		     "submitted",
		     path);
	if (!target.counted)
		note("%s: the kernel keeps no count of its bytes, only "
		     "completions count",
		     path);
	return target;
}

uint64_t target_default_block(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISCHR(status.st_mode) ? 512 : 4096;
}

void target_title(char *title, size_t size, const char *what,
		  const struct target *target, const struct options *options,
		  uint64_t block)
{
	char of[32] = "";

	if (block)
		snprintf(of, sizeof(of), " of %" PRIu64 " bytes", block);
	snprintf(title, size, "%s: %s, %s%s%s, ratios to %s", what,
		 target->path, target->writes ? "writes" : "reads", of,
		 !target->seeks	     ? ""
		 : options->buffered ? ", buffered"
				     : ", O_DIRECT",
		 options->against->name);
}

void target_close(struct target *target)
{
	close(target->fd);
}
