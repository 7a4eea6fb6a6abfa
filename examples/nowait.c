/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Buffered reads for which the loop never waits: with KAIO_RWF_NOWAIT what is
 *in the page cache is read at once, and what is not is left to a thread. cc
 *-pthread nowait.c $(pkg-config --cflags --libs libkaio) && ./a.out f
 */
#define _FILE_OFFSET_BITS 64
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEPTH 32
#define BLOCK 16384

static char buffers[DEPTH][BLOCK];
static struct kaio_iocb iocbs[DEPTH];
static atomic_int read_by_thread[DEPTH];
static struct kaio_queue *queue;
static int fd, to_thread[2];
static int64_t size, next;

static int check(int64_t ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror((int)-ret));
	return (int)ret;
}

static void *read_and_wait(void *unused)
{
	int i;

	while (read(to_thread[0], &i, sizeof(i)) == sizeof(i)) {
		ssize_t n = pread(fd, buffers[i], BLOCK, iocbs[i].offset);

		check(n < 0 ? -errno : n, "pread");
		if (n < (ssize_t)iocbs[i].nbytes)
			errx(1, "pread: the file is shorter than it was");
		atomic_store(&read_by_thread[i], 1);
		check(kaio_queue_wake(queue), "kaio_queue_wake");
	}
	return unused;
}

static void read_next(int i)
{
	if (next >= size)
		return;
	kaio_prep_pread(&iocbs[i], fd, buffers[i],
			(size_t)(size - next < BLOCK ? size - next : BLOCK),
			next);
	kaio_iocb_set_rw_flags(&iocbs[i], KAIO_RWF_NOWAIT);
	check(kaio_queue_push(queue, &iocbs[i]), "kaio_queue_push");
	next += BLOCK;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/etc/passwd";
	const struct kaio_queue_params params = {
		.flags = KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE,
	};
	int at_once = 0, waited = 0, i, n;
	struct kaio_event event;
	pthread_t thread;

	if ((fd = open(path, O_RDONLY)) < 0 ||
	    (size = lseek(fd, 0, SEEK_END)) < 0 || pipe(to_thread) < 0)
		err(1, "%s", path);
	check(kaio_queue_create(&queue, DEPTH, &params), "kaio_queue_create");
	check(-pthread_create(&thread, NULL, read_and_wait, NULL), "thread");
	for (i = 0; i < DEPTH; i++)
		read_next(i);
	/* What is not read, or in part, or without NOWAIT, is the thread's. */
	while ((int64_t)BLOCK * (at_once + waited) < size) {
		n = kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);
		if (check(n == -EINTR ? 0 : n, "kaio_queue_wait") == 1) {
			i = (int)(kaio_event_iocb(&event) - iocbs);
			if (event.res == (int64_t)iocbs[i].nbytes)
				at_once++, read_next(i);
			else if (write(to_thread[1], &i, sizeof(i)) < 0)
				err(1, "pipe");
		}
		for (i = 0; i < DEPTH; i++)
			if (atomic_exchange(&read_by_thread[i], 0))
				waited++, read_next(i);
	}
	printf("%d blocks at once, %d by the thread\n", at_once, waited);
	close(to_thread[1]); /* which ends the thread */
	check(-pthread_join(thread, NULL), "pthread_join");
	return check(kaio_queue_destroy(queue), "kaio_queue_destroy");
}
