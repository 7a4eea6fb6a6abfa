/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Reads blocks at random for a second, with so many reads in flight, and prints
 * how many of them took less than 1, 2, 4, 8, ... microseconds.
 *	cc random-read.c $(pkg-config --cflags --libs libkaio) -o random-read
 *	./random-read file [depth [milliseconds]]
 */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096
#define MAX 256

static _Alignas(4096) char buffers[MAX][BLOCK];
static struct kaio_iocb iocbs[MAX];
static struct kaio_queue *queue;
static unsigned long histogram[64]; /* [n]: less than 2^n microseconds */
static int64_t blocks;
static int fd;

static int check(int64_t ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror((int)-ret));
	return (int)ret;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void read_any(struct kaio_iocb *iocb)
{
	kaio_prep_pread(iocb, fd, buffers[iocb - iocbs], BLOCK,
			random() % blocks * BLOCK);
	kaio_iocb_set_data64(iocb, now_us());
	check(kaio_queue_push(queue, iocb), "kaio_queue_push");
}

static void completed(const struct kaio_event *event)
{
	uint64_t us = now_us() - event->data;
	int n = 0;

	if (check(event->res, "read") < BLOCK)
		errx(1, "short read: the file is shorter than it was");
	while (us >> n)
		n++;
	histogram[n]++;
}

int main(int argc, char **argv)
{
	int depth = argc > 2 ? atoi(argv[2]) : 32, left, n, i;
	uint64_t time = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000;
	struct kaio_event events[MAX];
	unsigned long reads = 0;

	if (argc < 2 || depth < 1 || depth > MAX)
		errx(2, "usage: random-read file [depth [milliseconds]]");
	if ((fd = open(argv[1], O_RDONLY)) < 0)
		err(1, "%s", argv[1]);
	if (fcntl(fd, F_SETFL, O_DIRECT) < 0)
		warnx("%s: no O_DIRECT here, reading buffered", argv[1]);
	if ((blocks = lseek(fd, 0, SEEK_END) / BLOCK) < 1)
		errx(1, "%s: has no whole block", argv[1]);
	check(kaio_queue_create(&queue, (unsigned)depth, NULL), "create");
	time = now_us() + time * 1000;
	for (left = 0; left < depth; left++)
		read_any(&iocbs[left]);
	while (left > 0) {
		n = kaio_queue_wait(queue, events, 1, MAX, KAIO_FOREVER);
		for (i = 0; i < check(n == -EINTR ? 0 : n, "wait"); i++) {
			completed(&events[i]);
			if (now_us() < time)
				read_any(kaio_event_iocb(&events[i]));
			else
				left--;
		}
	}
	for (i = 0; i < 64; reads += histogram[i++])
		if (histogram[i])
			printf("%9llu us %9lu\n", 1ull << i, histogram[i]);
	printf("%lu reads of %d bytes\n", reads, BLOCK);
	return kaio_queue_destroy(queue) < 0;
}
