/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Four threads push and one collects: they share a queue. A wake ends the wait
 * of the one that collects. Reads the first MiB of a file.
 *
 *	cc -pthread threads.c $(pkg-config --cflags --libs libkaio) -o threads
 *	./threads [file]
 */
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PRODUCERS 4
#define BLOCKS 256

static char blocks[BLOCKS][4096];
static struct kaio_iocb iocbs[BLOCKS];
static struct kaio_queue *queue;
static atomic_uint next_block;
static atomic_bool finished;
static int64_t bytes;
static int fd;

static int check(int ret, const char *what)
{
	if (ret < 0 && ret != -EINTR)
		errx(1, "%s: %s", what, strerror(-ret));
	return ret;
}

static void *produce(void *unused)
{
	unsigned i;

	while ((i = atomic_fetch_add(&next_block, 1)) < BLOCKS) {
		kaio_prep_pread(&iocbs[i], fd, blocks[i], sizeof(blocks[i]),
				(int64_t)(i * sizeof(blocks[i])));
		check(kaio_queue_push(queue, &iocbs[i]), "kaio_queue_push");
		/* A thread that is asleep does not notice a push. */
		check(kaio_queue_submit(queue), "kaio_queue_submit");
	}
	return unused;
}

static void *collect(void *unused)
{
	bool last;
	int ret;

	do {
		struct kaio_event event;

		last = atomic_load(&finished);
		ret = last ? kaio_queue_reap(queue, &event, 1)
			   : kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);
		if (check(ret, "kaio_queue_wait") == 1) {
			if (event.res < 0)
				errx(1, "read: %s", strerror((int)-event.res));
			bytes += event.res;
		}
	} while (!last || ret > 0);
	return unused;
}

int main(int argc, char **argv)
{
	const struct kaio_queue_params params = {
		.flags = KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE,
		.backlog = BLOCKS,
	};
	pthread_t threads[PRODUCERS + 1];
	int i;

	fd = open(argc > 1 ? argv[1] : "/etc/passwd", O_RDONLY);
	if (fd < 0)
		err(1, "%s", argc > 1 ? argv[1] : "/etc/passwd");
	check(kaio_queue_create(&queue, 32, &params), "kaio_queue_create");
	for (i = 0; i <= PRODUCERS; i++)
		check(-pthread_create(&threads[i], NULL,
				      i < PRODUCERS ? produce : collect, NULL),
		      "pthread_create");
	for (i = 0; i < PRODUCERS; i++)
		check(-pthread_join(threads[i], NULL), "pthread_join");
	while (check(kaio_queue_drain(queue, KAIO_FOREVER), "drain") < 0)
		;
	atomic_store(&finished, true); /* the reason, before the wake */
	check(kaio_queue_wake(queue), "kaio_queue_wake");
	check(-pthread_join(threads[PRODUCERS], NULL), "pthread_join");
	printf("%" PRId64 " bytes\n", bytes);
	return check(kaio_queue_destroy(queue), "kaio_queue_destroy");
}
