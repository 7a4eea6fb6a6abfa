/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The transfer layer: threads with transfers of their own on one queue. To be
 * run under ThreadSanitizer, too.
 */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define NR 13
#define BLOCK 512

static struct kaio_queue *queue;
static int file;
static bool over;      /* atomic */
static int unexpected; /* atomic */
static char content[2 * BLOCK];

/* Check's assertions are not for many threads. */
static void expect(bool fulfilled)
{
	if (!fulfilled)
		__atomic_add_fetch(&unexpected, 1, __ATOMIC_RELAXED);
}

static struct kaio_queue *shared_queue(unsigned depth, uint32_t flags)
{
	const struct kaio_queue_params params = {
		.backlog = 3, .flags = KAIO_QUEUE_SHARED | flags
	};
	struct kaio_queue *new = NULL;

	ck_assert_ok(kaio_queue_create(&new, depth, &params));
	return new;
}

static int finish_by_test(struct kaio_transfer *transfer)
{
	int ret;

	do {
		ret = kaio_transfer_test(transfer);
	} while (ret == -EINPROGRESS);
	return ret;
}

static int finish_by_wait(struct kaio_transfer *transfer)
{
	return kaio_transfer_wait(transfer, KAIO_FOREVER);
}

static int finish_by_short_waits(struct kaio_transfer *transfer)
{
	int ret;

	do {
		ret = kaio_transfer_wait(transfer, 50000);
	} while (ret == -EINPROGRESS);
	return ret;
}

struct reads {
	char buffer[NR][2 * BLOCK];
	struct iovec iov[NR][2];
};

/* Iovecs across the end of the file: all are continued there. */
static struct kaio_transfer *prepare(struct reads *reads)
{
	const struct kaio_transfer_params params = {
		.flags = KAIO_TRANSFER_EOF_OK,
	};
	struct kaio_transfer *transfer = NULL;
	unsigned i;

	expect(!kaio_transfer_create(&transfer, queue, NR, &params));
	for (i = 0; i < NR; i++)
		kaio_prep_preadv(kaio_transfer_iocb(transfer, i), file,
				 reads->iov[i], 2, i + 1);
	return transfer;
}

static void check(const struct kaio_transfer *transfer,
		  const struct reads *reads)
{
	unsigned i;

	for (i = 0; i < NR; i++) {
		size_t size = 2 * BLOCK - i - 1;

		expect(kaio_transfer_result(transfer, i) == (int64_t)size);
		expect(!memcmp(reads->buffer[i], content + i + 1, size));
	}
}

/* Valgrind runs one thread at a time, and those that poll for long. */
static unsigned rounds(void)
{
	return harness_is_under_valgrind() ? 5 : 300;
}

static void *transfer_again_and_again(void *argument)
{
	int (*finish)(struct kaio_transfer *) =
		*(int (**)(struct kaio_transfer *))argument;
	struct reads *reads = calloc(1, sizeof(*reads));
	unsigned round, i;

	for (i = 0; i < NR; i++) {
		reads->iov[i][0].iov_base = reads->buffer[i];
		reads->iov[i][1].iov_base = reads->buffer[i] + BLOCK;
		reads->iov[i][0].iov_len = reads->iov[i][1].iov_len = BLOCK;
	}
	for (round = 0; round < rounds(); round++) {
		struct kaio_transfer *transfer = prepare(reads);
		int posts;

		for (posts = 0; posts < 3; posts++) {
			memset(reads->buffer, 0xff, sizeof(reads->buffer));
			expect(!kaio_transfer_post(transfer));
			expect(!finish(transfer));
			check(transfer, reads);
		}
		expect(!kaio_transfer_release(transfer));
	}
	/* In flight, and in the hands of other threads. */
	for (round = 0; round < rounds(); round++) {
		struct kaio_transfer *transfer = prepare(reads);

		expect(!kaio_transfer_post(transfer));
		expect(!kaio_transfer_release(transfer));
	}
	return reads;
}

static void *run_until_over(void *unused)
{
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
		expect(kaio_queue_run(queue, 0, 0) >= 0);
	return unused;
}

static void run_threads(uint32_t flags, unsigned depth, bool runner)
{
	static int (*const ways[])(struct kaio_transfer *) = {
		finish_by_wait, finish_by_test, finish_by_wait,
		finish_by_short_waits
	};
	pthread_t threads[THREADS];
	pthread_t running;
	void *buffers[THREADS];
	unsigned i;

	file = fixture_file(O_RDONLY, sizeof(content));
	fixture_fill(content, sizeof(content), 0);
	queue = shared_queue(depth, flags);
	over = false;
	if (runner)
		ck_assert_ok(
			pthread_create(&running, NULL, run_until_over, NULL));
	for (i = 0; i < THREADS; i++)
		ck_assert_ok(pthread_create(&threads[i], NULL,
					    transfer_again_and_again,
					    (void *)&ways[i % COUNT(ways)]));
	for (i = 0; i < THREADS; i++)
		ck_assert_ok(pthread_join(threads[i], &buffers[i]));
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	if (runner)
		ck_assert_ok(pthread_join(running, NULL));
	ck_assert_ok(kaio_queue_destroy(queue));
	for (i = 0; i < THREADS; i++)
		free(buffers[i]);
	close(file);
	ck_assert_int_eq(__atomic_load_n(&unexpected, __ATOMIC_RELAXED), 0);
}

START_TEST(threads_share_a_queue)
{
	run_threads(0, 32, false);
	run_threads(0, 2, false);
	run_threads(KAIO_QUEUE_WAKE, 8, false);
}
END_TEST

START_TEST(another_thread_may_run_the_queue)
{
	run_threads(0, 4, true);
	run_threads(KAIO_QUEUE_WAKE, 2, true);
}
END_TEST

static void *wait_for(void *transfer)
{
	expect(!kaio_transfer_wait(transfer, KAIO_FOREVER));
	return transfer;
}

static void wait_for_a_sleeper(void)
{
	struct kaio_queue_stats stats;

	do {
		sched_yield();
		kaio_queue_stats(queue, &stats);
	} while (!stats.getevents_calls);
}

/* The first is in the queue, and stays there: it must tell the second. */
START_TEST(a_thread_that_waits_learns_what_another_collected)
{
	struct kaio_transfer *transfers[2] = { NULL, NULL };
	pthread_t threads[2];
	int i;

	queue = shared_queue(8, 0);
	for (i = 0; i < 2; i++) {
		ck_assert_ok(kaio_transfer_create(&transfers[i], queue, 1, 0));
		fixture_endless(kaio_transfer_iocb(transfers[i], 0));
		ck_assert_ok(kaio_transfer_post(transfers[i]));
		ck_assert_ok(pthread_create(&threads[i], NULL, wait_for,
					    transfers[i]));
		wait_for_a_sleeper();
	}
	for (i = 1; i >= 0; i--) {
		ck_assert_ok(kaio_queue_cancel(
			queue, kaio_transfer_iocb(transfers[i], 0)));
		ck_assert_ok(pthread_join(threads[i], NULL));
		ck_assert_ok(kaio_transfer_release(transfers[i]));
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_transfer_shared(void)
{
	const TTest *tests[] = {
		threads_share_a_queue,
		another_thread_may_run_the_queue,
		a_thread_that_waits_learns_what_another_collected,
	};

	return harness_both_ways("transfer: shared", tests, COUNT(tests));
}
