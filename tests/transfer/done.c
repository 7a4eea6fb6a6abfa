/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The transfer layer: done is called once for each post, where the queue is
 * run. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>

#define DEPTH 4
#define NR 10

static const uint32_t flag_sets[] = {
	0,
	KAIO_QUEUE_NO_RING,
	KAIO_QUEUE_WAKE,
	KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED,
	KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD | KAIO_QUEUE_SHARED,
};

static struct kaio_queue *queue;
static unsigned calls;
static int last_status;
static bool running; /* in a call that may call back */

static void done(struct kaio_transfer *transfer, int status, void *data)
{
	ck_assert(running);
	ck_assert_ptr_eq(data, &calls);
	ck_assert_int_eq(kaio_transfer_active(transfer), 0);
	ck_assert_int_eq(kaio_transfer_test(transfer), status);
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), status);
	last_status = status;
	calls++;
}

static struct kaio_transfer *
create(unsigned nr, void (*prepare)(struct kaio_iocb *),
       void (*then)(struct kaio_transfer *, int, void *))
{
	const struct kaio_transfer_params params = { .done = then,
						     .data = &calls };
	struct kaio_transfer *transfer = NULL;
	unsigned i;

	ck_assert_ok(kaio_transfer_create(&transfer, queue, nr, &params));
	for (i = 0; i < nr; i++)
		prepare(kaio_transfer_iocb(transfer, i));
	calls = 0;
	return transfer;
}

static void open_queue(uint32_t flags)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = 2 };

	ck_assert_ok(kaio_queue_create(&queue, DEPTH, &params));
}

static void by_run(struct kaio_transfer *transfer)
{
	while (kaio_transfer_active(transfer))
		ck_assert_int_gt(kaio_queue_run(queue, 1, KAIO_FOREVER), 0);
}

static void by_test(struct kaio_transfer *transfer)
{
	while (kaio_transfer_test(transfer) == -EINPROGRESS)
		;
}

static void by_wait(struct kaio_transfer *transfer)
{
	kaio_transfer_wait(transfer, KAIO_FOREVER);
}

static void by_collecting(struct kaio_transfer *transfer)
{
	struct kaio_event event;

	while (kaio_transfer_active(transfer)) {
		struct kaio_op *op;

		running = false;
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
		running = true;
		op = (struct kaio_op *)kaio_event_iocb(&event);
		op->complete(op, event.res);
	}
}

static void (*const ways[])(struct kaio_transfer *) = { by_run, by_test,
							by_wait,
							by_collecting };

static void run(struct kaio_transfer *transfer,
		void (*way)(struct kaio_transfer *))
{
	running = true;
	way(transfer);
	running = false;
}

static void with_own_eventfd(struct kaio_iocb *iocb)
{
	fixture_good(iocb);
	kaio_iocb_set_eventfd(iocb, 0);
}

static void every_way(uint32_t flags, unsigned nr,
		      void (*prepare)(struct kaio_iocb *), int status)
{
	struct kaio_transfer *transfer;
	unsigned way, post;

	open_queue(flags);
	transfer = create(nr, prepare, done);
	for (way = 0; way < COUNT(ways); way++) {
		for (post = 0; post < 3; post++) {
			calls = 0;
			ck_assert_ok(kaio_transfer_post(transfer));
			ck_assert_int_eq(kaio_transfer_active(transfer), 1);
			if (prepare == fixture_endless)
				ck_assert_ok(kaio_transfer_cancel(transfer));
			ck_assert_int_eq(kaio_transfer_active(transfer), 1);
			run(transfer, ways[way]);
			ck_assert_uint_eq(calls, 1);
			ck_assert_int_eq(last_status, status);
			ck_assert_int_eq(kaio_transfer_test(transfer), status);
		}
	}
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_uint_eq(calls, 1);
}

START_TEST(done_is_called_once_a_post_wherever_the_queue_is_run)
{
	const unsigned sizes[] = { 1, DEPTH, NR };
	size_t set, i;

	for (set = 0; set < COUNT(flag_sets); set++) {
		uint32_t flags = flag_sets[set];

		for (i = 0; i < COUNT(sizes); i++) {
			unsigned nr = sizes[i];

			every_way(flags, nr, fixture_good, 0);
			every_way(flags, nr, fixture_bad, -EBADF);
			every_way(flags, nr, fixture_endless, -ECANCELED);
			if (flags & KAIO_QUEUE_EVENTFD)
				every_way(flags, nr, with_own_eventfd, -EINVAL);
		}
	}
}
END_TEST

START_TEST(no_call_that_ends_a_transfer_calls_done)
{
	size_t set;

	for (set = 0; set < COUNT(flag_sets); set++) {
		struct kaio_transfer *released, *left;

		open_queue(flag_sets[set]);
		released = create(NR, fixture_bad, done);
		left = create(NR, fixture_bad, done);
		ck_assert_ok(kaio_transfer_post(released));
		ck_assert_ok(kaio_transfer_post(left));
		ck_assert_ok(kaio_transfer_cancel(released));
		ck_assert_ok(kaio_transfer_release(released));
		ck_assert_ok(kaio_queue_destroy(queue));
		ck_assert_int_eq(kaio_transfer_active(left), 0);
		ck_assert_ok(kaio_transfer_release(left));
		ck_assert_uint_eq(calls, 0);
	}
}
END_TEST

static void post_once_more(struct kaio_transfer *transfer, int status,
			   void *data)
{
	done(transfer, status, data);
	if (calls > 1)
		return;
	/* The wait tells of this post: the next one will go otherwise. */
	fixture_bad(kaio_transfer_iocb(transfer, 0));
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_active(transfer), 1);
	ck_assert_int_eq(kaio_transfer_post(transfer), -EBUSY);
}

START_TEST(a_wait_tells_of_its_own_post_when_done_posts_again)
{
	size_t set;

	for (set = 0; set < COUNT(flag_sets); set++) {
		struct kaio_transfer *transfer;

		open_queue(flag_sets[set]);
		transfer = create(NR, fixture_good, post_once_more);
		ck_assert_ok(kaio_transfer_post(transfer));
		running = true;
		ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
		ck_assert_uint_eq(calls, 1);
		ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
				 -EBADF);
		ck_assert_uint_eq(calls, 2);
		running = false;
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

/* Posts again, and is over, before the wait for the first post goes on. */
static void post_and_wait(struct kaio_transfer *transfer, int status,
			  void *data)
{
	post_once_more(transfer, status, data);
	if (calls == 1)
		ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
				 -EBADF);
}

START_TEST(a_wait_tells_of_the_last_post_when_done_waits_for_the_next)
{
	size_t set;

	for (set = 0; set < COUNT(flag_sets); set++) {
		struct kaio_transfer *transfer;

		open_queue(flag_sets[set]);
		transfer = create(NR, fixture_good, post_and_wait);
		ck_assert_ok(kaio_transfer_post(transfer));
		running = true;
		ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
				 -EBADF);
		running = false;
		ck_assert_uint_eq(calls, 2);
		ck_assert_int_eq(kaio_transfer_test(transfer), -EBADF);
		ck_assert_ok(kaio_transfer_release(transfer));
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

static void release_it(struct kaio_transfer *transfer, int status, void *data)
{
	done(transfer, status, data);
	ck_assert_ok(kaio_transfer_release(transfer));
}

START_TEST(done_may_release_its_transfer)
{
	size_t set, way;

	for (set = 0; set < COUNT(flag_sets); set++) {
		for (way = 0; way < 2 * COUNT(ways); way++) {
			struct kaio_transfer *transfer;
			long before = faults_allocated;

			open_queue(flag_sets[set]);
			transfer =
				create(NR, way % 2 ? fixture_bad : fixture_good,
				       release_it);
			ck_assert_ok(kaio_transfer_post(transfer));
			running = true;
			if (ways[way / 2] == by_wait)
				ck_assert_int_eq(
					kaio_transfer_wait(transfer,
							   KAIO_FOREVER),
					-ECANCELED);
			else
				while (calls == 0)
					kaio_queue_run(queue, 1, KAIO_FOREVER);
			running = false;
			ck_assert_uint_eq(calls, 1);
			ck_assert_int_eq(faults_allocated, before);
			ck_assert_ok(kaio_queue_destroy(queue));
		}
	}
}
END_TEST

Suite *suite_transfer_done(void)
{
	const TTest *tests[] = {
		done_is_called_once_a_post_wherever_the_queue_is_run,
		no_call_that_ends_a_transfer_calls_done,
		a_wait_tells_of_its_own_post_when_done_posts_again,
		a_wait_tells_of_the_last_post_when_done_waits_for_the_next,
		done_may_release_its_transfer,
	};

	return harness_both_ways("transfer: done", tests, COUNT(tests));
}
