/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Waits for a pipe and for a file's data in one place: readiness is one more
 * operation of the queue.
 *
 *	cc poll.c $(pkg-config --cflags --libs libkaio) -o poll
 *	./poll [file]
 */
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void check(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror(-ret));
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/etc/passwd";
	struct kaio_queue *queue;
	struct kaio_iocb read_file, poll_pipe;
	char buf[4096];
	int fd, ends[2];
	int left = 2;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		err(1, "%s", path);
	if (pipe(ends) < 0)
		err(1, "pipe");
	check(kaio_queue_create(&queue, 2, NULL), "kaio_queue_create");

	kaio_prep_poll(&poll_pipe, ends[0], POLLIN);
	kaio_iocb_set_data(&poll_pipe, &ends[0]);
	check(kaio_queue_push(queue, &poll_pipe), "kaio_queue_push");
	kaio_prep_pread(&read_file, fd, buf, sizeof(buf), 0);
	kaio_iocb_set_data(&read_file, &fd);
	check(kaio_queue_push(queue, &read_file), "kaio_queue_push");

	while (left > 0) {
		struct kaio_event event;
		int ret = kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);

		if (ret == -EINTR)
			continue;
		check(ret, "kaio_queue_wait");
		left--;
		if (event.res < 0)
			errx(1, "operation: %s", strerror((int)-event.res));
		if (kaio_event_data(&event) == &fd) {
			printf("file: %" PRId64 " bytes\n", event.res);
			/* Nothing was written so far: the poll is in flight. */
			if (write(ends[1], "x", 1) != 1)
				err(1, "write");
		} else {
			puts(event.res & POLLIN ? "pipe: readable"
						: "pipe: closed");
		}
	}
	check(kaio_queue_destroy(queue), "kaio_queue_destroy");
	return 0;
}
