/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Prints what cksum(1) prints for a file, read with O_DIRECT to its last byte.
 * Each block is a transfer, which continues short reads:
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

static struct kaio_transfer *transfers[DEPTH];
static void *buffers[DEPTH];
static struct kaio_queue *queue;
static uint32_t sum;

static int check(enum kaio_call call, int64_t ret)
{
	if (ret < 0)
		errx(1, "%s", kaio_explain(call, (int)ret));
	return (int)ret;
}

static void add(const unsigned char *data, uint64_t size)
{
	for (; size--; data++) {
		sum ^= (uint32_t)*data << 24;
		for (int bit = 0; bit < 8; bit++)
			sum = sum << 1 ^ (sum >> 31 ? 0x04c11db7 : 0);
	}
}

/* Whole blocks, beyond the end too: the last bytes are off the alignment. */
static void create(int i, int fd, size_t align)
{
	const struct kaio_transfer_params params = {
		.flags = KAIO_TRANSFER_EOF_OK,
	};

	if (!(buffers[i] = aligned_alloc(align < 64 ? 64 : align, BLOCK)))
		errx(1, "no memory");
	check(KAIO_CALL_TRANSFER_CREATE,
	      kaio_transfer_create(&transfers[i], queue, 1, &params));
	kaio_prep_pread(kaio_transfer_iocb(transfers[i], 0), fd, buffers[i],
			BLOCK, (int64_t)i * BLOCK);
	check(KAIO_CALL_TRANSFER_POST, kaio_transfer_post(transfers[i]));
}

int main(int argc, char **argv)
{
	struct kaio_file_info file;
	int64_t length, total = 0;
	int fd, i, n;

	if (argc != 2)
		errx(2, "usage: direct-reader file");
	if ((fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0)
		err(1, "%s", argv[1]);
	check(KAIO_CALL_GET_FILE_INFO, kaio_get_file_info(fd, &file));
	if (!(file.flags & KAIO_FILE_CAN_DIRECT) || BLOCK % file.read_align ||
	    fcntl(fd, F_SETFL, O_DIRECT) < 0)
		warnx("%s: no O_DIRECT here, reading buffered", argv[1]);
	check(KAIO_CALL_QUEUE_CREATE, kaio_queue_create(&queue, DEPTH, NULL));
	for (i = 0; i < DEPTH; i++)
		create(i, fd, file.mem_align);
	/* They complete in any order, and are added up in the file's. */
	for (i = 0;; i = (i + 1) % DEPTH) {
		struct kaio_iocb *iocb = kaio_transfer_iocb(transfers[i], 0);

		do
			n = kaio_transfer_wait(transfers[i], KAIO_FOREVER);
		while (n == -EINTR);
		check(KAIO_CALL_TRANSFER_WAIT, n);
		n = (int)kaio_transfer_bytes(transfers[i]);
		add((unsigned char *)(uintptr_t)iocb->buf, (uint64_t)n);
		total += n;
		if (n < (int)BLOCK) /* the file has ended */
			break;
		iocb->offset += DEPTH * BLOCK;
		check(KAIO_CALL_TRANSFER_POST,
		      kaio_transfer_post(transfers[i]));
	}
	check(KAIO_CALL_QUEUE_DESTROY, kaio_queue_destroy(queue));
	for (length = total; length; length >>= 8)
		add(&(unsigned char){ length & 0xff }, 1);
	for (i = 0; i < DEPTH; i++)
		kaio_transfer_release(transfers[i]);
	printf("%ju %jd %s\n", (uintmax_t)(sum ^ 0xffffffff), (intmax_t)total,
	       argv[1]);
	return 0;
}
