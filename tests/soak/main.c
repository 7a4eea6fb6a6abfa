/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * SOAK_SECONDS: for how long, 600 by default. SOAK_DIR: where the files are.
 * SOAK_SEED: of the random numbers, which the threads use in no order.
 */
#include "soak.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 6
#define PRIVATE 3 /* of them with a queue of their own */
#define END_SECONDS 150

#define RSS_GROWTH_KIB 1024

struct soak_counts soak_counts;

static struct worker workers[WORKERS];
static uint64_t seed = 1;
static _Thread_local uint64_t state;

void soak_seed(uint64_t number)
{
	state = (seed ^ number) | 1;
}

unsigned soak_random(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

void soak_wrong(const char *format, ...)
{
	va_list arguments;

	if (COUNT_UP(wrong) > 20)
		return;
	va_start(arguments, format);
	printf("WRONG: ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
}

/* What must not grow. */
struct usage {
	long rss_kib;
	long allocations;
	long descriptors;
	long contexts;
	long aio_nr; /* the whole system's */
};

/* The first number in the line that begins so; or how many lines have it. */
static long look(const char *path, const char *text, bool count)
{
	FILE *file = fopen(path, "re");
	char line[4096];
	long found = 0;

	while (file && fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, text);

		if (at && count)
			found++;
		else if (at)
			found = strtol(at + strlen(text), NULL, 10);
	}
	if (file)
		fclose(file);
	return found;
}

static struct usage usage(void)
{
	struct usage now = {
		.rss_kib = look("/proc/self/status", "VmRSS:", false),
		.allocations = soak_counts.allocations,
		.contexts = look("/proc/self/maps", "/[aio]", true),
		.aio_nr = look("/proc/sys/fs/aio-nr", "", false),
	};
	int fd;

	for (fd = 0; fd < 1024; fd++) {
		char path[32];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		now.descriptors += access(path, F_OK) == 0;
	}
	return now;
}

static void hangs(int number)
{
	static const char text[] = "a round does not end\n1 lost\n";

	(void)number;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) >= 0)
		_exit(1);
	_exit(1);
}

static void interrupts(int number)
{
	(void)number;
}

static struct kaio_queue *create(uint32_t flags, unsigned round)
{
	struct kaio_queue_params params = { .backlog = 64, .flags = flags };
	struct kaio_queue *queue;
	unsigned tries = 100;
	int ret;

	if (round % 2)
		params.flags ^= KAIO_QUEUE_NO_RING;
	if (round % 4 >= 2)
		params.spin_ns = 20000;
	/* Its submission of the wakeup's poll may be made to fail. */
	do {
		ret = kaio_queue_create(&queue, 4 + soak_random(60), &params);
	} while (ret < 0 && --tries);
	if (ret == 0)
		return queue;
	printf("kaio_queue_create: %s\n", strerror(-ret));
	exit(1);
}

static void create_all(unsigned round)
{
	static const uint32_t flags[PRIVATE] = { 0, KAIO_QUEUE_NO_RING,
						 KAIO_QUEUE_EVENTFD };
	static const enum way ways[WORKERS] = { BY_WAIT, BY_RUN, BY_EVENTFD,
						BY_WAIT, BY_RUN, BY_REAP };
	const uint32_t shared = KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE;
	unsigned i;

	for (i = 0; i < WORKERS; i++) {
		workers[i].way = ways[i];
		workers[i].shared = i >= PRIVATE;
		workers[i].queue = i < PRIVATE	 ? create(flags[i], round)
				   : i > PRIVATE ? workers[PRIVATE].queue
						 : create(shared, round);
	}
}

static void destroy(struct kaio_queue *queue)
{
	struct kaio_queue_stats stats;
	int ret;

	kaio_queue_stats(queue, &stats);
	if (stats.pushed != stats.completed) {
		soak_wrong("%" PRIu64 " were pushed, %" PRIu64 " completed",
			   stats.pushed, stats.completed);
		soak_counts.lost += stats.pushed - stats.completed;
	}
	ret = kaio_queue_destroy(queue);
	if (ret < 0)
		soak_wrong("kaio_queue_destroy: %d", ret);
}

/* Meanwhile waits are woken, and interrupted. */
static void disturb(const pthread_t *threads, unsigned seconds)
{
	const struct timespec time = { 0, 1000000 };
	int64_t end = soak_now() + seconds;

	while (soak_now() < end) {
		nanosleep(&time, NULL);
		kaio_queue_wake(workers[PRIVATE].queue);
		pthread_kill(threads[soak_random(WORKERS)], SIGUSR1);
	}
}

static void run(unsigned round, unsigned seconds)
{
	pthread_t threads[WORKERS];
	unsigned i;

	alarm(seconds + END_SECONDS);
	create_all(round);
	__atomic_store_n(&soak_stop, 0, __ATOMIC_RELEASE);
	for (i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, worker_run, &workers[i]))
			abort();
	disturb(threads, seconds);
	__atomic_store_n(&soak_stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i <= PRIVATE; i++)
		destroy(workers[i].queue);
}

static bool has_grown(const struct usage *start, const struct usage *end)
{
	return end->rss_kib > start->rss_kib + RSS_GROWTH_KIB ||
	       end->allocations > start->allocations ||
	       end->descriptors > start->descriptors ||
	       end->contexts > start->contexts;
}

static int report(const struct usage *start, const struct usage *end)
{
	bool grown = has_grown(start, end);

	printf("operations: %" PRIu64 ", of them %" PRIu64
	       " cancelled; %" PRIu64 " posts of transfers\n",
	       soak_counts.operations, soak_counts.canceled, soak_counts.posts);
	printf("faults: %" PRIu64 " system calls failed or done in part\n",
	       soak_counts.faults);
	printf("losses: %" PRIu64 "; wrong: %" PRIu64 "\n", soak_counts.lost,
	       soak_counts.wrong);
	printf("%-22s %9s %9s\n", "", "start", "end");
	printf("%-22s %9ld %9ld\n", "memory, KiB (VmRSS)", start->rss_kib,
	       end->rss_kib);
	printf("%-22s %9ld %9ld\n", "allocations", start->allocations,
	       end->allocations);
	printf("%-22s %9ld %9ld\n", "descriptors", start->descriptors,
	       end->descriptors);
	printf("%-22s %9ld %9ld\n", "contexts", start->contexts, end->contexts);
	printf("%-22s %9ld %9ld\n", "fs.aio-nr (all)", start->aio_nr,
	       end->aio_nr);
	if (grown)
		printf("it has grown\n");
	return grown || soak_counts.lost || soak_counts.wrong;
}

static void prepare(const char *folder)
{
	struct sigaction interrupt = { .sa_handler = interrupts };
	struct sigaction hang = { .sa_handler = hangs };
	unsigned i;
	int ret;

	sigaction(SIGUSR1, &interrupt, NULL);
	sigaction(SIGALRM, &hang, NULL);
	soak_seed(0);
	ret = file_open(folder, WORKERS * WORKER_BLOCKS);
	if (ret < 0) {
		printf("a file in %s: %s\n", folder, strerror(-ret));
		exit(1);
	}
	for (i = 0; i < WORKERS; i++)
		worker_init(&workers[i], i);
}

/* The first round warms up: what libraries and threads keep is there then. */
int main(void)
{
	const char *folder = getenv("SOAK_DIR");
	const char *time = getenv("SOAK_SECONDS");
	unsigned seconds = time ? (unsigned)strtoul(time, NULL, 10) : 600;
	unsigned length = seconds < 40 ? (seconds + 3) / 4 : 10;
	struct usage start, end;
	unsigned round;

	if (getenv("SOAK_SEED"))
		seed = strtoull(getenv("SOAK_SEED"), NULL, 10) << 8;
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare(folder ? folder : ".");
	printf("soak: %u threads, for %u s in rounds of %u s, in files %s\n",
	       WORKERS, seconds, length,
	       file_is_direct() ? "with O_DIRECT and without"
				: "without O_DIRECT: there is none here");
	run(0, length);
	start = usage();
	for (round = 1; round * length < seconds; round++)
		run(round, length);
	end = usage();
	return report(&start, &end);
}
