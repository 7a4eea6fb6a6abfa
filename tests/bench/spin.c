/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What watching the ring before a sleep is worth: latency of one 4 KiB read at
 * a time, and the CPU it takes, for several values of spin_ns and for pread(2).
 * The values take turns in one run, and their medians over the turns are shown.
 *
 *     tests/bench/spin [-t TURNS] [-n OPERATIONS] FILE...
 *
 * A file is read with O_DIRECT, a device too; /dev/null is written.
 */
#include <kaio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096
#define TURNS_MAX 99

static const int64_t spins[] = { 0, KAIO_NO_SPIN, 10000, 20000, 50000, 100000 };
#define NR_SPINS (sizeof(spins) / sizeof(*spins)) /* the first is pread */

static unsigned turns = 9;
static unsigned operations = 2000;
static int64_t *latencies;
static char *buffer;

struct turn {
	double median, p99, cpu;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "spin: %s: %s\n", what, strerror(error));
	exit(1);
}

static int64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int by_median(const void *a, const void *b)
{
	double x = ((const struct turn *)a)->median;
	double y = ((const struct turn *)b)->median;

	return (x > y) - (x < y);
}

static int64_t one(struct kaio_queue *queue, int fd, int writes, int64_t offset)
{
	struct kaio_event event;
	struct kaio_iocb iocb;
	int ret;

	if (!queue)
		return writes ? pwrite(fd, buffer, BLOCK, offset)
			      : pread(fd, buffer, BLOCK, offset);
	if (writes)
		kaio_prep_pwrite(&iocb, fd, buffer, BLOCK, offset);
	else
		kaio_prep_pread(&iocb, fd, buffer, BLOCK, offset);
	ret = kaio_queue_push(queue, &iocb);
	while (ret == 0 || ret == -EINTR)
		ret = kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);
	return ret == 1 ? event.res : ret;
}

static struct turn measure(int64_t spin, int fd, int writes, int64_t blocks)
{
	const struct kaio_queue_params params = { .spin_ns = spin };
	struct kaio_queue *queue = NULL;
	int64_t begin, cpu, wall;
	struct turn turn;
	unsigned i;

	if (spin) {
		int ret = kaio_queue_create(&queue, 1, &params);

		if (ret < 0)
			die("kaio_queue_create", -ret);
	}
	begin = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	for (i = 0; i < operations; i++) {
		int64_t start = now(CLOCK_MONOTONIC);
		int64_t res = one(queue, fd, writes, random() % blocks * BLOCK);

		latencies[i] = now(CLOCK_MONOTONIC) - start;
		if (res != BLOCK)
			die("I/O", res < 0 ? (int)-res : ENODATA);
	}
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = now(CLOCK_MONOTONIC) - begin;
	kaio_queue_destroy(queue);
	qsort(latencies, operations, sizeof(*latencies), ascending);
	turn.median = (double)latencies[operations / 2] / 1000;
	turn.p99 = (double)latencies[operations * 99 / 100] / 1000;
	turn.cpu = 100.0 * (double)cpu / (double)wall;
	return turn;
}

static void run(const char *path)
{
	static struct turn results[NR_SPINS][TURNS_MAX];
	int writes = strcmp(path, "/dev/null") == 0;
	int fd = open(path, writes ? O_WRONLY : O_RDONLY | O_DIRECT);
	int64_t blocks = 1;
	unsigned turn;
	size_t i;

	if (fd < 0)
		die(path, errno);
	if (!writes)
		blocks = lseek(fd, 0, SEEK_END) / BLOCK;
	if (blocks < 1)
		die(path, ENODATA);
	for (turn = 0; turn < turns; turn++)
		for (i = 0; i < NR_SPINS; i++)
			results[i][turn] =
				measure(spins[i], fd, writes, blocks);
	printf("%s\n%12s %12s %12s %8s\n", path, "", "median (us)", "P99 (us)",
	       "CPU (%)");
	for (i = 0; i < NR_SPINS; i++) {
		struct turn *middle = &results[i][turns / 2];

		qsort(results[i], turns, sizeof(results[i][0]), by_median);
		if (!spins[i])
			printf("%12s", "pread");
		else if (spins[i] == KAIO_NO_SPIN)
			printf("%12s", "no spin");
		else
			printf("%9d us", (int)(spins[i] / 1000));
		printf(" %12.1f %12.1f %8.0f\n", middle->median, middle->p99,
		       middle->cpu);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "t:n:")) != -1) {
		if (option == 't')
			turns = (unsigned)atoi(optarg);
		else if (option == 'n')
			operations = (unsigned)atoi(optarg);
		else
			return 2;
	}
	if (optind == argc || turns < 1 || turns > TURNS_MAX ||
	    operations < 1) {
		fprintf(stderr,
			"usage: spin [-t TURNS] [-n OPERATIONS] FILE...\n");
		return 2;
	}
	latencies = calloc(operations, sizeof(*latencies));
	if (!latencies || posix_memalign((void **)&buffer, BLOCK, BLOCK))
		die("memory", ENOMEM);
	memset(buffer, 0, BLOCK);
	for (; optind < argc; optind++)
		run(argv[optind]);
	return 0;
}
