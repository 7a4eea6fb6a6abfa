/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The file or device of kaio-bench asynchronous, and the states it is put in.
 */
#ifndef ASYNCHRONOUS_H
#define ASYNCHRONOUS_H

#include "bench.h"

struct async_file {
	const char *path;
	bool is_device;
	bool writes; /* it may be written: a device if that is asked for */
	int cached, direct; /* without and with O_DIRECT; -1: it has none */
	unsigned nr;	    /* operations */
	uint64_t block;	    /* of each */
	size_t size;	    /* of all */
	char *buffer;
};

void async_file_open(struct async_file *file, const char *path,
		     const struct options *options);
void async_file_close(struct async_file *file);

/* Each puts it in a state, and returns 0 or a negative errno. */
int async_file_cached(const struct async_file *file);
int async_file_written(const struct async_file *file); /* not in the cache */
int async_file_dirty(const struct async_file *file);
int async_file_empty(const struct async_file *file);
int async_file_hole(const struct async_file *file);
int async_file_unwritten(const struct async_file *file);

#endif
