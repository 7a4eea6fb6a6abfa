/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Each word of 8 bytes is of its own offset, so that no read can be another;
 * and they look random, so that zram and file systems do not compress them: it
 * is not their compression that is measured.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)

/* The finalizer of MurmurHash3: one to one. */
static uint64_t word_at(uint64_t offset)
{
	uint64_t word = offset + UINT64_C(0x6b61696f00000000);

	word = (word ^ word >> 33) * UINT64_C(0xff51afd7ed558ccd);
	word = (word ^ word >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return word ^ word >> 33;
}

void pattern_put(void *buffer, size_t length, int64_t offset)
{
	uint64_t *words = buffer;
	size_t i;

	for (i = 0; i < length / sizeof(*words); i++)
		words[i] = word_at((uint64_t)offset + i * sizeof(*words));
}

bool pattern_is(const void *buffer, size_t length, int64_t offset)
{
	const uint64_t *words = buffer;
	size_t i;

	for (i = 0; i < length / sizeof(*words); i++)
		if (words[i] != word_at((uint64_t)offset + i * sizeof(*words)))
			return false;
	return true;
}

/* A word in each 512 bytes: whatever fills in less of it is found out. */
void pattern_spoil(void *buffer, size_t length)
{
	uint64_t *words = buffer;
	size_t i;

	for (i = 0; i < length / sizeof(*words); i += 64)
		words[i] = UINT64_MAX;
}

void pattern_fill(const char *path, int fd, uint64_t size)
{
	void *buffer = must_have(aligned_alloc(4096, CHUNK));
	uint64_t offset = 0;

	while (offset < size) {
		size_t length = size - offset < CHUNK ? size - offset : CHUNK;
		ssize_t done;

		pattern_put(buffer, CHUNK, (int64_t)offset);
		done = pwrite(fd, buffer, length, (int64_t)offset);
		if (done <= 0)
			die("%s: cannot be filled: %s", path,
			    strerror(done ? errno : ENOSPC));
		offset += (uint64_t)done / 8 * 8;
		if (done < 8)
			break;
		progress("%s: filling, %u %%", path,
			 (unsigned)(offset * 100 / size));
	}
	free(buffer);
	if (fsync(fd) < 0 && errno != EINVAL)
		die("%s: %s", path, strerror(errno));
	progress_end();
}
