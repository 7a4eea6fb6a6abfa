/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The files, and what each of their blocks has to contain. */
#include "soak.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fds[2] = { -1, -1 };
static bool direct;

static uint64_t word(unsigned file, unsigned block, uint32_t generation,
		     unsigned i)
{
	uint64_t offset = (uint64_t)block * BLOCK + i * sizeof(uint64_t);

	return ((offset << 1 | file) << 24 ^ generation) *
	       UINT64_C(0x9e3779b97f4a7c15);
}

static void fill(char *buffer, unsigned file, unsigned block,
		 uint32_t generation)
{
	uint64_t *words = (uint64_t *)buffer;
	unsigned i;

	for (i = 0; i < BLOCK / sizeof(*words); i++)
		words[i] = word(file, block, generation, i);
}

static bool has(const char *buffer, unsigned file, unsigned block,
		uint32_t generation)
{
	const uint64_t *words = (const uint64_t *)buffer;
	unsigned i;

	for (i = 0; i < BLOCK / sizeof(*words); i++)
		if (words[i] != word(file, block, generation, i))
			return false;
	return true;
}

static int create(const char *folder, unsigned file, unsigned nr_blocks)
{
	char block[BLOCK];
	char path[4096];
	unsigned i;
	int writer;

	snprintf(path, sizeof(path), "%s/soak-XXXXXX", folder);
	writer = mkostemp(path, O_CLOEXEC);
	if (writer < 0)
		return -errno;
	for (i = 0; i < nr_blocks; i++) {
		fill(block, file, i, 1);
		if (write(writer, block, BLOCK) != BLOCK)
			return -errno;
	}
	if (fsync(writer) < 0)
		return -errno;
	if (file == 0)
		fds[0] = open(path, O_RDWR | O_CLOEXEC | O_DIRECT);
	direct = fds[0] >= 0;
	if (fds[file] < 0)
		fds[file] = open(path, O_RDWR | O_CLOEXEC);
	unlink(path);
	close(writer);
	return fds[file] < 0 ? -errno : 0;
}

int file_open(const char *folder, unsigned nr_blocks)
{
	int ret = create(folder, 0, nr_blocks);

	return ret < 0 ? ret : create(folder, 1, nr_blocks);
}

bool file_is_direct(void)
{
	return direct;
}

int file_fd(const struct range *range)
{
	return fds[range->file];
}

/* Of a file that an earlier round wrote, the generations are known. */
void range_init(struct range *range, unsigned file, unsigned first)
{
	unsigned i;

	range->file = file;
	range->first = first;
	for (i = 0; i < BATCH_BLOCKS; i++)
		range->now[i] = range->next[i] = 1;
}

uint64_t range_offset(const struct range *range, unsigned block)
{
	return (uint64_t)(range->first + block) * BLOCK;
}

void range_fill(struct range *range, unsigned block, unsigned nr, char *buffer)
{
	for (; nr; nr--, block++, buffer += BLOCK) {
		range->next[block] = range->now[block] + 1;
		fill(buffer, range->file, range->first + block,
		     range->next[block]);
	}
}

void range_is_written(struct range *range, unsigned block, unsigned nr)
{
	for (; nr; nr--, block++)
		range->now[block] = range->next[block];
}

void range_check(struct range *range, unsigned block, unsigned nr,
		 const char *buffer)
{
	for (; nr; nr--, block++, buffer += BLOCK) {
		unsigned number = range->first + block;

		if (has(buffer, range->file, number, range->now[block]))
			continue;
		if (range->unsettled &&
		    has(buffer, range->file, number, range->next[block]))
			range->now[block] = range->next[block];
		else
			soak_wrong("file %u: block %u is not generation %u",
				   range->file, number, range->now[block]);
	}
}
