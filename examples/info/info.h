/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What kaio-info found, and what it says about it. */
#ifndef INFO_H
#define INFO_H

#include <kaio.h>

#include <stdbool.h>

struct file {
	const char *path;
	const char *file_system; /* NULL: of a block device, or not known */
	int error;		 /* 0, or why it cannot be opened */
	bool is_memory;		 /* tmpfs and the like */
	bool is_remote;		 /* what is under it decides */
	bool has_holes;
	bool reads; /* asynchronous */
	bool writes;
	bool writes_known;
	struct kaio_file_info info;
};

struct finding {
	bool missing; /* otherwise it is only good to know */
	const char *about;
	char *sentence;
};

struct info {
	int works; /* 0, or an error of kaio_probe_system() */
	struct kaio_probe probe;
	int limits_error;
	struct kaio_limits limits;
	unsigned depth;
	struct file *files;
	int nr_files;
	struct finding *findings;
	int nr_findings;
};

/* The operations that are left of fs.aio-max-nr. */
static inline uint64_t info_left(const struct kaio_limits *limits)
{
	return limits->aio_max_nr > limits->aio_nr
		       ? limits->aio_max_nr - limits->aio_nr
		       : 0;
}

void info_examine(struct file *file, const char *path);
void info_find(struct info *info);

#endif
