/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "alignment.h"

#include "fixture.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int64_t alignment_try(int fd, enum kaio_opcode opcode, uint32_t memory,
		      uint32_t offset, uint32_t size)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	char *buffer = fixture_buffer((size_t)memory * 2 + size);
	/* What is aligned to twice that much is not wanted. */
	uintptr_t start = (uintptr_t)buffer / (memory * 2) * (memory * 2);
	struct kaio_iocb iocb;
	int64_t result;

	start += start < (uintptr_t)buffer ? memory * 3 : memory;
	kaio_prep_iocb(&iocb, opcode, fd, start, size, offset);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	fixture_collect_all(queue, 1, &iocb, 1, &result);
	ck_assert_ok(kaio_queue_destroy(queue));
	return result;
}

void alignment_is_accepted(int fd, const struct kaio_file_info *info)
{
	uint32_t align = info->offset_align;
	uint32_t read = info->read_align;

	ck_assert_uint_le(align, 65536);
	ck_assert_uint_eq(align & (align - 1), 0);
	ck_assert_uint_eq(info->mem_align & (info->mem_align - 1), 0);
	ck_assert_uint_le(read, align);
	ck_assert_int_eq(
		alignment_try(fd, KAIO_OP_PREAD, info->mem_align, read, read),
		read);
	ck_assert_int_eq(alignment_try(fd, KAIO_OP_PWRITE, info->mem_align,
				       align, align),
			 align);
}

void alignment_is_the_kernels(int fd, const struct kaio_file_info *info)
{
	/* struct statx: headers may be too old for it. */
	uint32_t words[64] = { 0 };
	const uint32_t direct = 0x2000, read = 0x20000;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, direct | read, words) <
		    0 ||
	    !(words[0] & direct)) {
		ck_assert_uint_ne(info->align_source, KAIO_ALIGN_FILE);
		return;
	}
	ck_assert_uint_eq(info->align_source, KAIO_ALIGN_FILE);
	ck_assert_uint_eq(info->mem_align, words[0x98 / 4]);
	ck_assert_uint_eq(info->offset_align, words[0x9c / 4]);
	if (words[0] & read)
		ck_assert_uint_eq(info->read_align, words[0xb4 / 4]);
}

void alignment_is_needed(int fd, const struct kaio_file_info *info)
{
	uint32_t align = info->read_align;

	ck_assert_uint_ge(align, 512);
	ck_assert_int_eq(alignment_try(fd, KAIO_OP_PREAD, info->mem_align,
				       align / 2, align),
			 -EINVAL);
	ck_assert_int_eq(alignment_try(fd, KAIO_OP_PREAD, info->mem_align,
				       align, align / 2),
			 -EINVAL);
	ck_assert_int_eq(alignment_try(fd, KAIO_OP_PWRITE, info->mem_align,
				       info->offset_align / 2,
				       info->offset_align),
			 -EINVAL);
}
