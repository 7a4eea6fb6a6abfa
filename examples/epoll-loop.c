/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * One epoll loop for a socket and for disk I/O: the queue is one more file
 * descriptor in it. The program is the client of the socket, too.
 *
 *	cc epoll-loop.c $(pkg-config --cflags --libs libkaio) -o epoll-loop
 *	./epoll-loop [file]
 */
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
	return ret;
}

static void watch(int loop, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

/* The socket is readable: false at its end. */
static bool on_socket(struct kaio_queue *queue, struct kaio_iocb *op, int fd)
{
	char request;
	ssize_t n = read(fd, &request, 1);

	if (n < 0)
		err(1, "socket");
	puts(n ? "socket: asks for the file" : "socket: closed");
	if (n) {
		check(kaio_queue_push(queue, op), "kaio_queue_push");
		/* epoll_wait() does not submit. */
		check(kaio_queue_submit(queue), "kaio_queue_submit");
	}
	return n;
}

/* There may be nothing to collect: spurious readiness is possible. */
static void on_queue(struct kaio_queue *queue, int client)
{
	struct kaio_event event;

	while (check(kaio_queue_reap(queue, &event, 1), "kaio_queue_reap")) {
		if (event.res < 0)
			errx(1, "read: %s", strerror((int)-event.res));
		printf("file: %" PRId64 " bytes\n", event.res);
		close(client); /* it has what it asked for */
	}
}

int main(int argc, char **argv)
{
	const struct kaio_queue_params params = { .flags = KAIO_QUEUE_EVENTFD };
	const char *path = argc > 1 ? argv[1] : "/etc/passwd";
	int fd = open(path, O_RDONLY), loop = epoll_create1(EPOLL_CLOEXEC);
	struct kaio_queue *queue;
	struct epoll_event ready;
	struct kaio_iocb op;
	bool connected = true;
	char buf[4096];
	int ends[2]; /* ours, and the client's */

	if (fd < 0)
		err(1, "%s", path);
	if (loop < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ||
	    write(ends[1], "?", 1) != 1)
		err(1, "epoll or socket");
	check(kaio_queue_create(&queue, 8, &params), "kaio_queue_create");
	kaio_prep_pread(&op, fd, buf, sizeof(buf), 0);
	watch(loop, ends[0]);
	watch(loop, check(kaio_queue_eventfd(queue), "kaio_queue_eventfd"));
	while (connected) {
		int nr = epoll_wait(loop, &ready, 1, -1);

		if (nr < 0 && errno != EINTR)
			err(1, "epoll_wait");
		if (nr == 1 && ready.data.fd == ends[0])
			connected = on_socket(queue, &op, ends[0]);
		else if (nr == 1)
			on_queue(queue, ends[1]);
	}
	return check(kaio_queue_destroy(queue), "kaio_queue_destroy");
}
