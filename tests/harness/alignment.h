/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What the kernel makes of an alignment that kaio_get_file_info() tells. */
#ifndef ALIGNMENT_H
#define ALIGNMENT_H

#include <kaio.h>

/*
 * One operation of size bytes, done through a queue: at that offset of the
 * file, and with a buffer that is aligned to memory and to no more. Its res.
 */
int64_t alignment_try(int fd, enum kaio_opcode opcode, uint32_t memory,
		      uint32_t offset, uint32_t size);

/*
 * Asserts that reads and writes of just the alignment told are whole. The file
 * is open for both with O_DIRECT, and at least 256 KiB long.
 */
void alignment_is_accepted(int fd, const struct kaio_file_info *info);

/* Asserts that what statx(2) tells of the file, if anything, is passed on. */
void alignment_is_the_kernels(int fd, const struct kaio_file_info *info);

/*
 * Asserts that the kernel does with no less of it, in offset and size. Of
 * memory it may accept less than it told.
 */
void alignment_is_needed(int fd, const struct kaio_file_info *info);

#endif
