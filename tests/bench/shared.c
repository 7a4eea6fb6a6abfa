/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Threads on one shared queue, each of which pushes an operation and waits for
 * completions, for SECONDS: prints operations a second, and the microseconds of
 * processor time for one. shared.sh runs it.
 *
 *     shared TARGET THREADS MAX SECONDS
 *
 * 4 KiB reads of TARGET with O_DIRECT, all over its first 16 MiB; or 512-byte
 * writes, if it is a character device like /dev/null. A wait is for one and
 * takes MAX at most.
 */
#include <kaio.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 16
#define DEPTH 32
#define BLOCK 4096
#define BLOCKS 4096

#ifndef SPIN_NS
#define SPIN_NS 0
#endif

static struct kaio_queue *queue;
static bool writes;
static int fd;
static unsigned max;
static volatile bool stopped;
static unsigned long operations;

static void check(int ret)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "shared: error %d\n", ret);
	exit(1);
}

static unsigned long collect(void)
{
	struct kaio_event events[THREADS_MAX];
	int nr = kaio_queue_wait(queue, events, 1, max, KAIO_FOREVER);
	int i;

	check(nr);
	for (i = 0; i < nr; i++) {
		check((int)events[i].res);
		free(kaio_event_iocb(&events[i]));
	}
	return (unsigned long)nr;
}

static void *push_and_wait(void *seed)
{
	unsigned state = (unsigned)(uintptr_t)seed;
	unsigned long n = 0;
	void *buffer;

	if (posix_memalign(&buffer, BLOCK, BLOCK))
		exit(1);
	while (!stopped) {
		struct kaio_iocb *iocb = malloc(sizeof(*iocb));

		if (writes)
			kaio_prep_pwrite(iocb, fd, buffer, 512, 0);
		else
			kaio_prep_pread(iocb, fd, buffer, BLOCK,
					rand_r(&state) % BLOCKS * BLOCK);
		while (kaio_queue_push(queue, iocb) < 0)
			n += collect();
		n += collect();
	}
	__atomic_add_fetch(&operations, n, __ATOMIC_RELAXED);
	return buffer;
}

static double seconds(const struct timespec *time)
{
	return (double)time->tv_sec + (double)time->tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const struct kaio_queue_params params = { .flags = KAIO_QUEUE_SHARED,
						  .spin_ns = SPIN_NS,
						  .backlog = DEPTH };
	pthread_t threads[THREADS_MAX];
	struct timespec begin, end, used;
	struct stat status;
	uintptr_t nr, i;

	if (argc != 5 || stat(argv[1], &status) < 0)
		return 2;
	nr = strtoul(argv[2], NULL, 10);
	max = (unsigned)strtoul(argv[3], NULL, 10);
	if (nr < 1 || nr > THREADS_MAX || max < 1 || max > THREADS_MAX)
		return 2;
	writes = S_ISCHR(status.st_mode);
	fd = open(argv[1], writes ? O_WRONLY : O_RDONLY | O_DIRECT);
	check(fd);
	check(kaio_queue_create(&queue, DEPTH, &params));
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (i = 0; i < nr; i++)
		if (pthread_create(&threads[i], NULL, push_and_wait,
				   (void *)(i + 1)))
			return 1;
	usleep((useconds_t)(strtod(argv[4], NULL) * 1e6));
	stopped = true;
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	printf("%.0f %.3f\n",
	       (double)operations / (seconds(&end) - seconds(&begin)),
	       seconds(&used) * 1e6 / (double)operations);
	return 0;
}
