/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Copies a file, 32 blocks at a time, with O_DIRECT where both sides take it:
 *	cc copy.c $(pkg-config --cflags --libs libkaio) -o copy && ./copy a b
 */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEPTH 32
#define BLOCK (256 * 1024)

static _Alignas(4096) char buffers[DEPTH][BLOCK];
static struct kaio_iocb iocbs[DEPTH];
static struct kaio_queue *queue;
static int in, out;
static int64_t size, next, copied;

static void check(int64_t ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror((int)-ret));
}

static void read_next(struct kaio_iocb *iocb)
{
	kaio_prep_pread(iocb, in, buffers[iocb - iocbs], BLOCK, next);
	if (next < size)
		check(kaio_queue_push(queue, iocb), "kaio_queue_push");
	next += BLOCK;
}

static void completed(struct kaio_iocb *iocb, int64_t res)
{
	int64_t rest = size - iocb->offset, data = rest < BLOCK ? rest : BLOCK;
	int is_read = iocb->lio_opcode == KAIO_OP_PREAD;

	/* Whole blocks are written: ftruncate() shortens the last one. */
	if (res >= 0 && res < (is_read ? data : BLOCK))
		res = -ENODATA;
	check(res, is_read ? "read" : "write");
	if (is_read) {
		kaio_prep_pwrite(iocb, out, buffers[iocb - iocbs], BLOCK,
				 iocb->offset);
		check(kaio_queue_push(queue, iocb), "kaio_queue_push");
	} else {
		copied += data;
		read_next(iocb);
	}
}

int main(int argc, char **argv)
{
	struct kaio_event events[DEPTH];
	struct kaio_queue_stats stats;
	struct timespec start, end;
	int i, n;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (argc != 3)
		errx(2, "usage: copy from to");
	/* Its size first: io_submit waits for writes that extend it. */
	if ((in = open(argv[1], O_RDONLY)) < 0 ||
	    (size = lseek(in, 0, SEEK_END)) < 0 ||
	    (out = open(argv[2], O_WRONLY | O_CREAT, 0666)) < 0 ||
	    ftruncate(out, size) < 0)
		err(1, "%s to %s", argv[1], argv[2]);
	if (fcntl(out, F_SETFL, O_DIRECT) || fcntl(in, F_SETFL, O_DIRECT))
		warnx("not both take O_DIRECT, copying buffered");
	check(kaio_queue_create(&queue, DEPTH, NULL), "kaio_queue_create");
	for (i = 0; i < DEPTH; i++)
		read_next(&iocbs[i]);
	while (copied < size) {
		n = kaio_queue_wait(queue, events, 1, DEPTH, KAIO_FOREVER);
		check(n == -EINTR ? 0 : n, "kaio_queue_wait");
		for (i = 0; i < n; i++)
			completed(kaio_event_iocb(&events[i]), events[i].res);
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "%3d %%\r", (int)(copied * 100 / size));
	}
	if (ftruncate(out, size) < 0 || fsync(out) < 0 || close(out) < 0)
		err(1, "%s", argv[2]);
	clock_gettime(CLOCK_MONOTONIC, &end);
	kaio_queue_stats(queue, &stats);
	printf("%.0f MB/s, %ju operations, %ju io_submit, %ju io_getevents,\n"
	       "%ju completions collected without a system call\n",
	       (double)size / (difftime(end.tv_sec, start.tv_sec) * 1e6 +
			       (double)(end.tv_nsec - start.tv_nsec) / 1e3),
	       stats.completed, stats.submit_calls, stats.getevents_calls,
	       stats.ring_reaps);
	return kaio_queue_destroy(queue) < 0;
}
