/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Appends standard input, of any size, to a file of any size, with O_DIRECT, in
 * whole blocks: ftruncate() cuts off what the last one has after the data.
 *	cc -o append unaligned-tail.c $(pkg-config --cflags --libs libkaio)
 */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DEPTH 4
#define BLOCK (64 * 1024) /* a multiple of every offset_align there is */

static _Alignas(4096) char buffers[DEPTH + 1][BLOCK];
static struct kaio_iocb iocbs[DEPTH + 1], *unused[DEPTH + 1];
static struct kaio_queue *queue;
static int nr_unused;

static int64_t check(int64_t ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror((int)-ret));
	return ret;
}

static void collect_one(void)
{
	struct kaio_event event;
	int n = kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);

	if (n == -EINTR || check(n, "kaio_queue_wait") == 0)
		return; /* and is called again */
	struct kaio_iocb *iocb = kaio_event_iocb(&event);
	check(event.res ? event.res : -ENOSPC, "write");
	iocb->buf += (uint64_t)event.res;
	iocb->nbytes -= (uint64_t)event.res;
	iocb->offset += event.res;
	if (iocb->nbytes) /* it was short */
		check(kaio_queue_push(queue, iocb), "kaio_queue_push");
	else
		unused[nr_unused++] = iocb;
}

static size_t read_stdin(char *buffer, size_t used)
{
	ssize_t n;

	while (used < BLOCK && (n = read(0, buffer + used, BLOCK - used)) != 0)
		used += (size_t)check(n < 0 ? -errno : n, "stdin");
	if (used < BLOCK)
		memset(buffer + used, 0, BLOCK - used);
	return used;
}

int main(int argc, char **argv)
{
	int64_t size, offset;
	size_t used;
	int fd, ret;

	if (argc != 2)
		errx(2, "usage: append file <more");
	if ((fd = open(argv[1], O_RDWR | O_CREAT, 0666)) < 0 ||
	    (size = lseek(fd, 0, SEEK_END)) < 0)
		err(1, "%s", argv[1]);
	/* The last block is read, and written again with more. */
	offset = size / BLOCK * BLOCK;
	if (pread(fd, buffers[DEPTH], BLOCK, offset) != size - offset)
		err(1, "%s", argv[1]);
	if (fcntl(fd, F_SETFL, O_DIRECT) < 0)
		warnx("%s: no O_DIRECT here, writing buffered", argv[1]);
	check(kaio_queue_create(&queue, DEPTH, NULL), "kaio_queue_create");
	for (; nr_unused <= DEPTH; nr_unused++)
		unused[nr_unused] = &iocbs[nr_unused];
	for (used = (size_t)(size - offset);; used = 0, offset += BLOCK) {
		struct kaio_iocb *iocb = unused[--nr_unused];
		char *buffer = buffers[iocb - iocbs];

		if ((used = read_stdin(buffer, used)) == 0)
			break;
		kaio_prep_pwrite(iocb, fd, buffer, BLOCK, offset);
		/* Depth and backlog are full: collect, and push again. */
		while ((ret = kaio_queue_push(queue, iocb)) == -ENOBUFS)
			collect_one();
		check(ret, "kaio_queue_push");
		size = offset + (int64_t)used;
	}
	while (nr_unused < DEPTH)
		collect_one();
	if (ftruncate(fd, size) < 0 || fsync(fd) < 0 || close(fd) < 0)
		err(1, "%s", argv[1]);
	return kaio_queue_destroy(queue) < 0;
}
