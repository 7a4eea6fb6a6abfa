/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The transfer layer: threads that wait for transfers while others run the
 * queue, are in callbacks, or are cancelled. Each step begins when the one
 * before is seen to be done. To be run under ThreadSanitizer, too.
 */
#include "queue/queue.h"
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct kaio_queue *queue;
static struct kaio_transfer *transfers[2];
static int fds[3];
static int statuses[2];
static long before;

static void raise_eventfd(int fd)
{
	const uint64_t one = 1;

	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
}

/* A queue, and two transfers that are over when their eventfds are raised. */
static void begin(void)
{
	const struct kaio_queue_params params = { .flags = KAIO_QUEUE_SHARED };
	int i;

	before = faults_allocated;
	ck_assert_ok(kaio_queue_create(&queue, 8, &params));
	for (i = 0; i < 3; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	for (i = 0; i < 2; i++) {
		ck_assert_ok(kaio_transfer_create(&transfers[i], queue, 1, 0));
		kaio_prep_poll(kaio_transfer_iocb(transfers[i], 0), fds[i],
			       POLLIN);
		ck_assert_ok(kaio_transfer_post(transfers[i]));
		statuses[i] = 1;
	}
}

static void end(void)
{
	int i;

	for (i = 0; i < 2; i++)
		ck_assert_ok(kaio_transfer_release(transfers[i]));
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_int_eq(faults_allocated, before);
	for (i = 0; i < 3; i++)
		close(fds[i]);
}

/* So many threads sleep in the queue, of which one is in the kernel. */
static void wait_for_sleepers(unsigned nr)
{
	unsigned sleeping;

	do {
		sched_yield();
		pthread_mutex_lock(&queue->lock);
		sleeping = queue->waiters + queue->in_kernel;
		pthread_mutex_unlock(&queue->lock);
	} while (sleeping < nr);
}

static void *wait_for(void *which)
{
	int i = *(int *)which;

	statuses[i] = kaio_transfer_wait(transfers[i], KAIO_FOREVER);
	return which;
}

static int numbers[] = { 0, 1 };

static pthread_t start(void *(*function)(void *), void *argument)
{
	pthread_t thread;

	ck_assert_ok(pthread_create(&thread, NULL, function, argument));
	return thread;
}

static void *run_twice(void *unused)
{
	int n = 0;

	while (n < 2) {
		int ret = kaio_queue_run(queue, 1, KAIO_FOREVER);

		if (ret <= 0)
			break;
		n += ret;
	}
	return unused;
}

START_TEST(two_wait_while_a_third_runs_the_queue)
{
	int order, position;

	for (order = 0; order < 2; order++) {
		for (position = 0; position < 3; position++) {
			pthread_t threads[3];
			int i, next = 0;

			begin();
			for (i = 0; i < 3; i++) {
				threads[i] = i == position
						     ? start(run_twice, NULL)
						     : start(wait_for,
							     &numbers[next++]);
				wait_for_sleepers((unsigned)i + 1);
			}
			raise_eventfd(fds[order]);
			raise_eventfd(fds[!order]);
			for (i = 0; i < 3; i++)
				pthread_join(threads[i], NULL);
			ck_assert_int_eq(statuses[0], 0);
			ck_assert_int_eq(statuses[1], 0);
			end();
		}
	}
}
END_TEST

static sem_t in_callback, may_return;
static pthread_t who_is_in;

static void stay(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
	who_is_in = pthread_self();
	sem_post(&in_callback);
	while (sem_wait(&may_return))
		;
}

START_TEST(a_thread_in_a_callback_holds_up_no_other_transfer)
{
	struct kaio_op op = { .complete = stay };
	pthread_t threads[2];
	int in;

	begin();
	sem_init(&in_callback, 0, 0);
	sem_init(&may_return, 0, 0);
	kaio_prep_poll(&op.iocb, fds[2], POLLIN);
	ck_assert_ok(kaio_queue_push(queue, &op.iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	threads[0] = start(wait_for, &numbers[0]);
	wait_for_sleepers(1);
	threads[1] = start(wait_for, &numbers[1]);
	wait_for_sleepers(2);
	raise_eventfd(fds[2]);
	while (sem_wait(&in_callback))
		;
	in = !pthread_equal(threads[0], who_is_in);
	raise_eventfd(fds[!in]);
	pthread_join(threads[!in], NULL);
	ck_assert_int_eq(statuses[!in], 0);
	raise_eventfd(fds[in]);
	sem_post(&may_return);
	pthread_join(threads[in], NULL);
	ck_assert_int_eq(statuses[in], 0);
	end();
}
END_TEST

START_TEST(a_wait_ends_when_another_thread_completes_what_it_collected)
{
	struct kaio_event event;
	struct kaio_op *op;
	pthread_t thread;

	begin();
	ck_assert_ok(kaio_transfer_cancel(transfers[1]));
	ck_assert_int_eq(kaio_transfer_wait(transfers[1], KAIO_FOREVER),
			 -ECANCELED);
	raise_eventfd(fds[0]);
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	thread = start(wait_for, &numbers[0]);
	wait_for_sleepers(1);
	op = (struct kaio_op *)kaio_event_iocb(&event);
	op->complete(op, event.res);
	pthread_join(thread, NULL);
	ck_assert_int_eq(statuses[0], 0);
	end();
}
END_TEST

START_TEST(a_cancelled_thread_leaves_the_others_and_its_transfer_usable)
{
	int cancelled;

	for (cancelled = 0; cancelled < 2; cancelled++) {
		pthread_t threads[2];
		void *result;
		int i;

		begin();
		for (i = 0; i < 2; i++) {
			threads[i] = start(wait_for, &numbers[i]);
			wait_for_sleepers((unsigned)i + 1);
		}
		/* One sleeps in the kernel, and ends when it comes back. */
		pthread_cancel(threads[cancelled]);
		if (cancelled == 0)
			raise_eventfd(fds[0]);
		pthread_join(threads[cancelled], &result);
		if (cancelled == 1)
			ck_assert_ptr_eq(result, PTHREAD_CANCELED);
		raise_eventfd(fds[!cancelled]);
		pthread_join(threads[!cancelled], NULL);
		ck_assert_int_eq(statuses[!cancelled], 0);
		if (cancelled == 1)
			ck_assert_ok(kaio_transfer_cancel(transfers[1]));
		ck_assert_int_eq(
			kaio_transfer_wait(transfers[cancelled], KAIO_FOREVER),
			cancelled == 1 ? -ECANCELED : 0);
		end();
	}
}
END_TEST

Suite *suite_transfer_threads(void)
{
	const TTest *tests[] = {
		two_wait_while_a_third_runs_the_queue,
		a_thread_in_a_callback_holds_up_no_other_transfer,
		a_wait_ends_when_another_thread_completes_what_it_collected,
		a_cancelled_thread_leaves_the_others_and_its_transfer_usable,
	};

	return harness_both_ways("transfer: threads", tests, COUNT(tests));
}
