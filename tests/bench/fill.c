/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Makes a file that reads can be verified of. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void run(struct options *options)
{
	char *const *path;

	if (!*options->targets)
		usage_error("fill: which file or device?");
	for (path = options->targets; *path; path++) {
		int fd = open(*path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
		int64_t size;

		if (fd < 0)
			die("%s: %s", *path, strerror(errno));
		size = lseek(fd, 0, SEEK_END);
		if (options->size)
			size = (int64_t)options->size;
		if (size <= 0)
			usage_error("%s: --size says how large it shall be",
				    *path);
		pattern_fill(*path, fd, (uint64_t)size);
		close(fd);
	}
}

const struct command fill_command = {
	.name = "fill",
	.arguments = "[OPTION...] FILE...",
	.about = "overwrite files or devices with what --verify looks for",
	.details = "Overwrites each FILE, as far as it goes or to --size, with "
		   "a pattern by which\neach 8 bytes tell their offset. What "
		   "was there is lost.",
	.options = "s",
	.run = run,
};
