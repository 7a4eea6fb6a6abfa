/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Prints what cksum(1) prints for a file, read with O_DIRECT to its last byte:
 *	cc direct-reader.c $(pkg-config --cflags --libs libkaio) && ./a.out file
 */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH 16
#define BLOCK (256u * 1024) /* a multiple of every offset_align there is */

static struct kaio_iocb iocbs[DEPTH];
static int64_t results[DEPTH];
static uint32_t sum;

static int check(enum kaio_call call, int64_t ret)
{
	if (ret < 0)
		errx(1, "%s", kaio_explain(call, (int)ret));
	return (int)ret;
}

static void add(const unsigned char *data, uint64_t size)
{
	int bit;

	for (; size--; data++) {
		sum ^= (uint32_t)*data << 24;
		for (bit = 0; bit < 8; bit++)
			sum = sum << 1 ^ (sum >> 31 ? 0x04c11db7 : 0);
	}
}

static void read_at(struct kaio_queue *queue, int slot, int64_t offset)
{
	/* Whole blocks, beyond the end, too: a tail is off the alignment. */
	iocbs[slot].offset = offset;
	results[slot] = -EINPROGRESS;
	check(KAIO_CALL_QUEUE_PUSH, kaio_queue_push(queue, &iocbs[slot]));
}

int main(int argc, char **argv)
{
	struct kaio_file_info file;
	struct kaio_event event;
	struct kaio_queue *queue;
	int64_t next, total = 0;
	unsigned char length;
	int fd, i, n, slot = 0;

	if (argc != 2)
		errx(2, "usage: direct-reader file");
	if ((fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0)
		err(1, "%s", argv[1]);
	check(KAIO_CALL_GET_FILE_INFO, kaio_get_file_info(fd, &file));
	if (!(file.flags & KAIO_FILE_CAN_DIRECT) ||
	    fcntl(fd, F_SETFL, O_DIRECT) < 0)
		warnx("%s: no O_DIRECT here, reading buffered", argv[1]);
	check(KAIO_CALL_QUEUE_CREATE, kaio_queue_create(&queue, DEPTH, NULL));
	for (i = 0, next = 0; i < DEPTH; i++, next += BLOCK) {
		size_t align = file.mem_align < 64 ? 64 : file.mem_align;
		void *buffer = aligned_alloc(align, BLOCK);

		if (!buffer || BLOCK % file.read_align)
			errx(1, "no such buffers");
		kaio_prep_pread(&iocbs[i], fd, buffer, BLOCK, 0);
		read_at(queue, i, next);
	}
	/* They complete in any order, and are added up in the file's. */
	do {
		while (results[slot] == -EINPROGRESS) {
			n = kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);
			if (n != -EINTR && check(KAIO_CALL_QUEUE_WAIT, n))
				results[kaio_event_iocb(&event) - iocbs] =
					event.res;
		}
		n = check(KAIO_CALL_RESULT, results[slot]);
		add((void *)(uintptr_t)iocbs[slot].buf, (uint64_t)n);
		total += n;
		read_at(queue, slot, next);
		next += BLOCK;
		slot = (slot + 1) % DEPTH;
	} while (n == BLOCK); /* with fewer, the file has ended */
	check(KAIO_CALL_QUEUE_DESTROY, kaio_queue_destroy(queue));
	for (next = total; next; next >>= 8) {
		length = next & 0xff;
		add(&length, 1);
	}
	printf("%ju %jd %s\n", (uintmax_t)(sum ^ 0xffffffff), (intmax_t)total,
	       argv[1]);
	return 0;
}
