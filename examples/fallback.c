/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Reads with io_uring, libkaio or a thread: the first that works here.
 *	cc -pthread fallback.c $(pkg-config --cflags --libs libkaio liburing)
 */
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NR 16
#define BLOCK 4096

static char blocks[NR][BLOCK];
static int fd, bytes;

static int check(int64_t ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror((int)-ret));
	return (int)ret;
}

/* As by_kaio(), false if the kernel does not have it, or a policy refuses it.
 */
static bool by_uring(void)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int ret, i;

	if (io_uring_queue_init(NR, &ring, 0) < 0)
		return false;
	for (i = 0; i < NR; i++)
		io_uring_prep_read(io_uring_get_sqe(&ring), fd, blocks[i],
				   BLOCK, (uint64_t)(i * BLOCK));
	check(io_uring_submit(&ring), "io_uring_submit");
	for (i = 0; i < NR; i++) {
		while ((ret = io_uring_wait_cqe(&ring, &cqe)) == -EINTR)
			;
		check(ret, "io_uring_wait_cqe");
		bytes += check(cqe->res, "read");
		io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
	return true;
}

static bool by_kaio(void)
{
	struct kaio_iocb iocbs[NR];
	struct kaio_event event;
	struct kaio_queue *queue;
	int ret, i;

	if (kaio_queue_create(&queue, NR, NULL) < 0)
		return false;
	for (i = 0; i < NR; i++) {
		kaio_prep_pread(&iocbs[i], fd, blocks[i], BLOCK, i * BLOCK);
		check(kaio_queue_push(queue, &iocbs[i]), "kaio_queue_push");
	}
	for (i = 0; i < NR; i += ret) {
		ret = kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);
		ret = check(ret == -EINTR ? 0 : ret, "kaio_queue_wait");
		bytes += ret ? check(event.res, "read") : 0;
	}
	return kaio_queue_destroy(queue) == 0;
}

static void *by_thread(void *unused)
{
	for (ssize_t i = 0, n; i < NR; i++) {
		n = pread(fd, blocks[i], BLOCK, i * BLOCK);
		bytes += check(n < 0 ? -errno : n, "read");
	}
	return unused;
}

int main(int argc, char **argv)
{
	const char *how;
	pthread_t thread;

	if ((fd = open(argc > 1 ? argv[1] : "/etc/passwd", O_RDONLY)) < 0)
		err(1, "open");
	how = by_uring() ? "io_uring" : by_kaio() ? "libkaio" : "thread";
	if (*how == 't' && (pthread_create(&thread, NULL, by_thread, NULL) ||
			    pthread_join(thread, NULL)))
		errx(1, "no thread");
	printf("%s: %d bytes\n", how, bytes);
	return 0;
}
