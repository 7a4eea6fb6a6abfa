/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * One read, from preparing it to its completion. Prints the beginning of a
 * file, /etc/passwd by default.
 *
 *	cc hello-read.c $(pkg-config --cflags --libs libkaio) -o hello-read
 *	./hello-read [file]
 */
#include <kaio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failed(const char *what, int64_t error)
{
	fprintf(stderr, "hello-read: %s: %s\n", what, strerror((int)-error));
	return 1;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/etc/passwd";
	struct kaio_queue *queue;
	struct kaio_iocb iocb;
	struct kaio_event event;
	char buf[4096];
	int fd, ret;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return failed(path, -errno);
	ret = kaio_queue_create(&queue, 1, NULL);
	if (ret < 0)
		return failed("kaio_queue_create", ret);

	kaio_prep_pread(&iocb, fd, buf, sizeof(buf), 0);
	ret = kaio_queue_push(queue, &iocb);
	if (ret < 0)
		return failed("kaio_queue_push", ret);
	do
		ret = kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);
	while (ret == -EINTR);
	if (ret < 0)
		return failed("kaio_queue_wait", ret);
	if (event.res < 0)
		return failed(path, event.res);

	/* The file may be shorter than the buffer. */
	if (fwrite(buf, 1, (size_t)event.res, stdout) != (size_t)event.res ||
	    fflush(stdout) == EOF)
		return failed("standard output", -errno);
	close(fd);
	return kaio_queue_destroy(queue) < 0;
}
