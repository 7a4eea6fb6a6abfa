/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The transfer layer: threads that post, cancel, release, wait and test by
 * chance, with faults in their system calls, on one queue. What each knows of
 * its own transfers is its model. To be run under ThreadSanitizer, too.
 *
 * KAIO_TEST_STEPS and KAIO_TEST_SEED in the environment change how many steps
 * there are in all, and the choices.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define SLOTS 3
#define NR 20
#define BLOCK 512
#define POISON 0x5a
#define ROUNDS 8000

/* One transfer, from create to the end of the test: done may be late. */
struct request {
	struct kaio_transfer *transfer;
	char *buffer;
	unsigned nr;
	bool endless;
	bool released;
	bool posted;	/* and its end not seen */
	bool cancelled; /* that post */
	unsigned posts;
	unsigned calls; /* of done; atomic */
};

static struct worker {
	uint64_t state;
	struct request *current[SLOTS];
	struct request *all[ROUNDS];
	unsigned nr_all;
	int faults[4];
} workers[THREADS];

static struct kaio_queue *queue;
static int file;
static unsigned steps;
static unsigned nr_threads;
static int wrong; /* atomic: the first line that was */

#define EXPECT(condition) expect(condition, __LINE__)

/* Check's assertions are not for many threads. */
static void expect(bool fulfilled, int line)
{
	int none = 0;

	if (!fulfilled)
		__atomic_compare_exchange_n(&wrong, &none, line, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static unsigned chance(struct worker *worker, unsigned below)
{
	worker->state ^= worker->state << 13;
	worker->state ^= worker->state >> 7;
	worker->state ^= worker->state << 17;
	return (unsigned)(worker->state >> 32) % below;
}

static void count(struct kaio_transfer *transfer, int status, void *data)
{
	struct request *request = data;

	(void)transfer;
	EXPECT(status != -EINPROGRESS && status != -EINTR);
	__atomic_add_fetch(&request->calls, 1, __ATOMIC_RELAXED);
}

static struct request *create(struct worker *worker)
{
	struct request *request = calloc(1, sizeof(*request));
	const struct kaio_transfer_params params = { .done = count,
						     .data = request };
	unsigned i;

	worker->all[worker->nr_all++] = request;
	request->nr = 1 + chance(worker, NR);
	request->endless = !chance(worker, 4);
	request->buffer =
		aligned_alloc(4096, NR * BLOCK + 4096 - NR * BLOCK % 4096);
	memset(request->buffer, POISON, request->nr * BLOCK);
	EXPECT(!kaio_transfer_create(&request->transfer, queue, request->nr,
				     &params));
	for (i = 0; i < request->nr; i++)
		kaio_prep_pread(kaio_transfer_iocb(request->transfer, i), file,
				request->buffer + i * BLOCK, BLOCK, i * BLOCK);
	if (request->endless)
		fixture_endless(
			kaio_transfer_iocb(request->transfer, request->nr - 1));
	return request;
}

static bool is_poisoned(const struct request *request, unsigned block)
{
	const char *bytes = request->buffer + block * BLOCK;
	unsigned i;

	for (i = 0; i < BLOCK; i++)
		if (bytes[i] != POISON)
			return false;
	return true;
}

static bool has_data(const struct request *request, unsigned block)
{
	const uint64_t *words = (void *)(request->buffer + block * BLOCK);
	unsigned i;

	for (i = 0; i < BLOCK / sizeof(*words); i++)
		if (words[i] != block * BLOCK + i * sizeof(*words))
			return false;
	return true;
}

/* Every operation has its result, and its block is what the result says. */
static void check_post(struct request *request)
{
	int status = kaio_transfer_test(request->transfer);
	int first = 0;
	int64_t bytes = 0;
	unsigned i;

	for (i = 0; i < request->nr; i++) {
		int64_t res = kaio_transfer_result(request->transfer, i);
		bool poll = request->endless && i == request->nr - 1;

		if (res >= 0) {
			EXPECT(!poll && res == BLOCK && has_data(request, i));
			bytes += res;
			continue;
		}
		EXPECT(is_poisoned(request, i));
		EXPECT(res == -EAGAIN || res == -ENOMEM ||
		       (res == -ECANCELED && request->cancelled));
		if (!first)
			first = (int)res;
	}
	EXPECT(status == first);
	EXPECT(kaio_transfer_bytes(request->transfer) == bytes);
	memset(request->buffer, POISON, request->nr * BLOCK);
	request->posted = false;
}

/* After its end nothing was written. */
static void check_idle(const struct request *request)
{
	unsigned i;

	for (i = 0; i < request->nr; i++)
		EXPECT(is_poisoned(request, i));
}

static void post(struct request *request)
{
	int ret = kaio_transfer_post(request->transfer);

	if (ret == -EBUSY) {
		EXPECT(request->posted);
		return;
	}
	EXPECT(ret == 0 && !request->posted);
	request->posts++;
	request->posted = true;
	request->cancelled = false;
}

static void inject(struct worker *worker)
{
	static const int results[] = { 0, 1, 2, 3, -EAGAIN, -ENOMEM };
	size_t i;

	if (!chance(worker, 4)) {
		faults_fail(SYS_io_getevents, EINTR, 1);
		return;
	}
	for (i = 0; i < COUNT(worker->faults); i++)
		worker->faults[i] = results[chance(worker, COUNT(results))];
	faults_script_submit(worker->faults, COUNT(worker->faults));
}

static void look(struct worker *worker, struct request *request)
{
	int64_t timeout = chance(worker, 2) ? 0 : 50000;
	int ret;

	if (request->posted && request->cancelled && !chance(worker, 4))
		timeout = KAIO_FOREVER;
	ret = chance(worker, 2)
		      ? kaio_transfer_test(request->transfer)
		      : kaio_transfer_wait(request->transfer, timeout);
	EXPECT(request->posts || ret == -EINVAL);
	if (request->posted && !kaio_transfer_active(request->transfer))
		check_post(request);
	else if (request->posted)
		EXPECT(ret == -EINPROGRESS || ret == -EINTR);
}

static void release(struct request *request)
{
	if (request->posted && !kaio_transfer_active(request->transfer))
		check_post(request);
	if (!request->posted)
		check_idle(request);
	EXPECT(!kaio_transfer_release(request->transfer));
	request->released = true;
	if (!request->posted) {
		free(request->buffer);
		request->buffer = NULL;
	}
}

static void step(struct worker *worker)
{
	struct request **slot = &worker->current[chance(worker, SLOTS)];
	struct request *request = *slot;

	if (request->posted && !kaio_transfer_active(request->transfer))
		check_post(request);
	switch (chance(worker, 12)) {
	case 0:
		inject(worker);
		break;
	case 1:
		if (chance(worker, 3))
			break;
		release(request);
		*slot = create(worker);
		break;
	case 2:
	case 3:
		EXPECT(!kaio_transfer_cancel(request->transfer));
		request->cancelled = true;
		break;
	case 4:
		EXPECT(kaio_queue_run(queue, chance(worker, 3), 50000) >=
		       -EINTR);
		break;
	case 5:
	case 6:
	case 7:
		/* Among threads, another one may end it just now. */
		if (request->posted && nr_threads > 1)
			break;
		if (!request->posted)
			check_idle(request);
		post(request);
		break;
	default:
		look(worker, request);
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	unsigned i;

	for (i = 0; i < SLOTS; i++)
		worker->current[i] = create(worker);
	for (i = 0; i < steps; i++)
		step(worker);
	faults_script_submit(NULL, 0);
	faults_fail(SYS_io_getevents, 0, 0);
	for (i = 0; i < SLOTS; i++) {
		struct request *request = worker->current[i];

		EXPECT(!kaio_transfer_cancel(request->transfer));
		request->cancelled = true;
		while (kaio_transfer_active(request->transfer))
			kaio_transfer_wait(request->transfer, KAIO_FOREVER);
		if (request->posted)
			check_post(request);
	}
	return NULL;
}

/*
 * One call of done for each post, but of one that was released: none of the
 * post that was active, and maybe none of those whose end another thread had
 * seen, and not yet told of.
 */
static void check_done(struct worker *worker, bool shared)
{
	unsigned i;

	for (i = 0; i < worker->nr_all; i++) {
		struct request *request = worker->all[i];
		unsigned untold = request->posts - request->calls;

		if (request->released && shared)
			EXPECT(request->calls <= request->posts);
		else
			EXPECT(untold ==
			       (request->released && request->posted));
		if (!request->released)
			EXPECT(!kaio_transfer_release(request->transfer));
		free(request->buffer);
		free(request);
	}
}

static void run_threads(unsigned nr, uint32_t flags, uint64_t seed)
{
	const struct kaio_queue_params params = { .backlog = 4,
						  .flags = flags };
	const char *total = getenv("KAIO_TEST_STEPS");
	pthread_t threads[THREADS];
	unsigned i;

	nr_threads = nr;
	steps = (total ? (unsigned)atoi(total) : 60000) / nr;
	if (steps > ROUNDS * 15U)
		steps = ROUNDS * 15U;
	memset(workers, 0, sizeof(workers));
	ck_assert_ok(kaio_queue_create(&queue, 8, &params));
	for (i = 0; i < nr; i++) {
		workers[i].state = (seed + i) * 2 + 1;
		if (nr == 1)
			work(&workers[i]);
		else
			ck_assert_ok(pthread_create(&threads[i], NULL, work,
						    &workers[i]));
	}
	for (i = 0; nr > 1 && i < nr; i++)
		ck_assert_ok(pthread_join(threads[i], NULL));
	/* Those that were released while they were active. */
	while (kaio_queue_run(queue, 1, KAIO_FOREVER) > 0)
		;
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	for (i = 0; i < nr; i++)
		check_done(&workers[i], flags & KAIO_QUEUE_SHARED);
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_int_eq(__atomic_load_n(&wrong, __ATOMIC_RELAXED), 0);
}

START_TEST(any_order_of_posts_cancels_releases_and_waits_loses_nothing)
{
	const struct {
		unsigned threads;
		uint32_t flags;
	} runs[] = {
		{ 1, 0 },
		{ 1, KAIO_QUEUE_EVENTFD },
		{ 1, KAIO_QUEUE_SHARED },
		{ 2, KAIO_QUEUE_SHARED },
		{ 8, KAIO_QUEUE_SHARED },
		{ 8, KAIO_QUEUE_SHARED | KAIO_QUEUE_EVENTFD },
	};
	const char *value = getenv("KAIO_TEST_SEED");
	uint64_t seed = value ? strtoull(value, NULL, 0) : (uint64_t)time(NULL);
	long before = faults_allocated;
	size_t i;

	printf("KAIO_TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	file = fixture_file(O_RDONLY | O_DIRECT, NR * BLOCK);
	if (file < 0 || pread(file, fixture_buffer(BLOCK), BLOCK, 0) != BLOCK)
		file = fixture_file(O_RDONLY, NR * BLOCK);
	for (i = 0; i < COUNT(runs); i++)
		run_threads(runs[i].threads, runs[i].flags, seed + 100 * i);
	ck_assert_int_eq(faults_allocated, before);
}
END_TEST

Suite *suite_transfer_cancel_shared(void)
{
	const TTest *tests[] = {
		any_order_of_posts_cancels_releases_and_waits_loses_nothing,
	};

	return harness_both_ways("transfer: cancel, shared", tests,
				 COUNT(tests));
}
