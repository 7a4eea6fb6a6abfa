/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The transfer layer: transfers that done posts again and again. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>

#define TRANSFERS 1000
#define POSTS 100

static struct request {
	struct kaio_transfer *transfer;
	unsigned posts, calls;
} requests[TRANSFERS];

static struct kaio_queue *queue;
static uintptr_t lowest, highest; /* addresses in the stack of done */
static unsigned total, limit, depth;

static void post_again(struct kaio_transfer *transfer, int status, void *data)
{
	struct request *request = data;
	char local;
	uintptr_t here = (uintptr_t)&local;

	ck_assert_uint_eq(depth++, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_ptr_eq(transfer, request->transfer);
	ck_assert_uint_eq(++request->calls, request->posts);
	total++;
	if (!lowest || here < lowest)
		lowest = here;
	if (here > highest)
		highest = here;
	if (request->posts < limit) {
		request->posts++;
		ck_assert_ok(kaio_transfer_post(transfer));
	}
	depth--;
}

static void post_all(uint32_t flags, unsigned nr, unsigned posts)
{
	const struct kaio_queue_params params = { .flags = flags };
	unsigned i;

	ck_assert_ok(kaio_queue_create(&queue, 32, &params));
	total = 0;
	lowest = highest = 0;
	limit = posts;
	for (i = 0; i < nr; i++) {
		const struct kaio_transfer_params transfer = {
			.done = post_again, .data = &requests[i]
		};

		ck_assert_ok(kaio_transfer_create(&requests[i].transfer, queue,
						  1 + i % 3, &transfer));
		fixture_good(kaio_transfer_iocb(requests[i].transfer, 0));
		if (i % 3)
			fixture_good(
				kaio_transfer_iocb(requests[i].transfer, 1));
		if (i % 3 == 2)
			fixture_good(
				kaio_transfer_iocb(requests[i].transfer, 2));
		requests[i].calls = 0;
		requests[i].posts = 1;
		ck_assert_ok(kaio_transfer_post(requests[i].transfer));
	}
}

static void close_all(unsigned nr)
{
	unsigned i;

	for (i = 0; i < nr; i++)
		ck_assert_ok(kaio_transfer_release(requests[i].transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}

static void post_a_hundred_thousand(uint32_t flags)
{
	unsigned posts = harness_is_under_valgrind() ? 3 : POSTS;
	unsigned i;

	post_all(flags, TRANSFERS, posts);
	while (kaio_queue_run(queue, 1, KAIO_FOREVER) > 0)
		;
	ck_assert_uint_eq(total, TRANSFERS * posts);
	for (i = 0; i < TRANSFERS; i++) {
		ck_assert_uint_eq(requests[i].calls, posts);
		ck_assert_ok(kaio_transfer_test(requests[i].transfer));
	}
	ck_assert_uint_le(highest - lowest, 4096);
	close_all(TRANSFERS);
}

START_TEST(a_thousand_transfers_are_posted_a_hundred_times_by_done)
{
	post_a_hundred_thousand(0);
	post_a_hundred_thousand(KAIO_QUEUE_EVENTFD);
	post_a_hundred_thousand(KAIO_QUEUE_SHARED);
}
END_TEST

/* With operations that are over when they are posted: the caller has its turn
 * all the same. */
static void runs_return(uint32_t flags)
{
	unsigned before, i;

	post_all(flags, 10, 1000000);
	for (i = 0; i < 100; i++) {
		before = total;
		ck_assert_int_gt(kaio_queue_run(queue, 1, KAIO_FOREVER), 0);
		ck_assert_uint_le(total - before, 32);
		before = total;
		ck_assert_int_eq(kaio_transfer_test(requests[0].transfer),
				 -EINPROGRESS);
		ck_assert_uint_le(total - before, 32);
		ck_assert_ok(
			kaio_transfer_wait(requests[0].transfer, KAIO_FOREVER));
		ck_assert_int_eq(kaio_transfer_active(requests[0].transfer), 1);
	}
	close_all(10);
}

START_TEST(done_that_posts_again_does_not_starve_the_caller)
{
	runs_return(0);
	runs_return(KAIO_QUEUE_EVENTFD);
	runs_return(KAIO_QUEUE_SHARED);
}
END_TEST

Suite *suite_transfer_again(void)
{
	const TTest *tests[] = {
		a_thousand_transfers_are_posted_a_hundred_times_by_done,
		done_that_posts_again_does_not_starve_the_caller,
	};

	return harness_both_ways("transfer: again", tests, COUNT(tests));
}
