/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The queue layer: who sleeps is told of what other threads leave undone. Each
 * was found by tests/models/queue.pml first.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "queue/wait.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>

static struct kaio_queue *queue;

static bool is_readable(void)
{
	struct pollfd fd = { kaio_queue_eventfd(queue), POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

static void push(struct kaio_iocb *iocb)
{
	ck_assert_ok(kaio_queue_push(queue, iocb));
}

static void no_call(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
}

/* No completion will come, so that the reaper sleeps without end. */
START_TEST(the_reaper_submits_what_the_kernel_had_no_memory_for)
{
	const int no_memory = -EAGAIN;
	struct kaio_iocb good;
	struct waiter waiter;

	queue = threads_queue(KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE, 4, 0, 0);
	threads_start(&waiter, queue, BY_WAIT);
	threads_sleep(queue, 1);
	fixture_good(&good);
	push(&good);
	faults_script_submit(&no_memory, 1);
	ck_assert_ok(kaio_queue_submit(queue));
	threads_join(&waiter);
	ck_assert_int_eq(waiter.ret, 1);
	ck_assert_ptr_eq(kaio_event_iocb(&waiter.event), &good);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* A drain submits, and takes nothing. */
static void refuse_in_a_drain(int64_t spin_ns)
{
	struct kaio_op endless = { .complete = no_call };
	struct waiter waiter, drain;
	struct kaio_iocb bad;

	queue = threads_queue(KAIO_QUEUE_SHARED | KAIO_QUEUE_EVENTFD, 4, 0,
			      spin_ns);
	threads_push_poll(queue, &endless);
	threads_start(&waiter, queue, BY_WAIT);
	if (spin_ns)
		threads_spin(queue);
	else
		threads_sleep(queue, 1);
	fixture_bad(&bad);
	push(&bad);
	threads_start(&drain, queue, BY_DRAIN);
	threads_join(&waiter);
	ck_assert_int_eq(waiter.ret, 1);
	ck_assert_int_eq(waiter.event.res, -EBADF);
	ck_assert(is_readable());
	threads_end_poll(&endless);
	threads_join(&drain);
	ck_assert_ok(drain.ret);
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(a_drain_tells_the_reaper_of_what_was_refused)
{
	refuse_in_a_drain(0);
}
END_TEST

START_TEST(a_drain_tells_the_reaper_that_spins)
{
	if (!harness_has_ring())
		SKIP("nothing spins without the ring");
	refuse_in_a_drain(INT64_MAX);
}
END_TEST

/*
 * The reaper has one event, and is on its way back from the kernel, when
 * another completes and an event loop, to which it leaves nothing, lowers the
 * eventfd.
 */
START_TEST(the_reaper_tells_an_event_loop_of_what_it_left_in_the_kernel)
{
	struct kaio_op ops[2] = { { .complete = no_call },
				  { .complete = no_call } };
	struct kaio_event event;
	struct kaio_ring ring;
	struct waiter waiter;

	queue = threads_queue(KAIO_QUEUE_SHARED | KAIO_QUEUE_EVENTFD, 4, 0, 0);
	if (kaio_ring_attach(&ring, queue->ctx) < 0)
		SKIP("the ring does not tell when a poll is complete");
	threads_push_poll(queue, &ops[0]);
	threads_push_poll(queue, &ops[1]);
	threads_start(&waiter, queue, BY_WAIT);
	threads_sleep(queue, 1);
	queue_lock(queue);
	threads_end_poll(&ops[0]);
	while (faults_sleepers())
		sched_yield();
	threads_end_poll(&ops[1]);
	/* The kernel may complete a poll after the write that ends it. */
	while (!kaio_ring_ready(&ring))
		sched_yield();
	ck_assert(is_readable());
	/* What kaio_queue_reap() does while a reaper is in the kernel. */
	ck_assert(queue->in_kernel);
	queue_begin(queue);
	queue_leave(queue);
	threads_join(&waiter);
	ck_assert_int_eq(waiter.ret, 1);
	ck_assert(is_readable());
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 1);
	ck_assert(!is_readable());
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* By another thread, before the kernel tells it. */
START_TEST(the_reaper_is_told_that_the_context_is_gone)
{
	struct kaio_op endless = { .complete = no_call };
	struct kaio_iocb good;
	struct waiter waiter;

	queue = threads_queue(KAIO_QUEUE_SHARED, 4, 0, 0);
	threads_push_poll(queue, &endless);
	threads_start(&waiter, queue, BY_WAIT);
	threads_sleep(queue, 1);
	fixture_good(&good);
	push(&good);
	faults_destroy_context(true);
	ck_assert_int_eq(kaio_queue_submit(queue), -EINVAL);
	threads_join(&waiter);
	ck_assert_int_eq(waiter.ret, -EINVAL);
	faults_destroy_context(false);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static unsigned reads_of_clock;

static void *wait_for_an_hour(void *unused)
{
	struct kaio_event event;

	faults_clock_reads = 0;
	ck_assert_int_eq(
		kaio_queue_wait(queue, &event, 1, 1, INT64_C(3600000000000)),
		1);
	reads_of_clock = faults_clock_reads;
	return unused;
}

/* By another clock its time would be over, and it would sleep without end. */
START_TEST(a_sleeper_with_a_deadline_sleeps_once)
{
	struct kaio_iocb iocbs[2];
	struct waiter waiter;
	pthread_t thread;
	int i;

	queue = threads_queue(KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE, 4, 0, 0);
	threads_start(&waiter, queue, BY_WAIT);
	threads_sleep(queue, 1);
	ck_assert_ok(pthread_create(&thread, NULL, wait_for_an_hour, NULL));
	threads_sleep(queue, 2);
	for (i = 0; i < 1000; i++) {
		queue_lock(queue);
		queue_unlock(queue);
		sched_yield();
	}
	fixture_good(&iocbs[0]);
	fixture_good(&iocbs[1]);
	fixture_push(queue, iocbs, 2);
	ck_assert_int_eq(kaio_queue_submit(queue), 2);
	threads_join(&waiter);
	ck_assert_ok(pthread_join(thread, NULL));
	ck_assert_uint_le(reads_of_clock, 10);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* In all threads, as on a context that was destroyed. */
static int refuse(long number, long *arguments)
{
	(void)arguments;
	return number == SYS_io_submit || number == SYS_io_getevents ? EINVAL
								     : 0;
}

/* One sleeps in the kernel, and the others until it is done. */
START_TEST(all_who_sleep_hear_that_the_context_is_gone)
{
	struct kaio_op endless = { .complete = no_call };
	struct waiter waiters[NR_WAYS];
	struct kaio_iocb good;
	int way;

	queue = threads_queue(KAIO_QUEUE_SHARED, 2 * NR_WAYS, 0, 0);
	threads_push_poll(queue, &endless);
	for (way = 0; way < NR_WAYS; way++) {
		threads_start(&waiters[way], queue, (enum way)way);
		threads_sleep(queue, (unsigned)way + 1);
	}
	fixture_good(&good);
	push(&good);
	faults_before_call(refuse);
	ck_assert_int_eq(kaio_queue_submit(queue), -EINVAL);
	for (way = 0; way < NR_WAYS; way++) {
		threads_join(&waiters[way]);
		ck_assert_int_eq(waiters[way].ret, -EINVAL);
	}
	faults_before_call(NULL);
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_ok(kaio_transfer_release(waiters[BY_TRANSFER_WAIT].transfer));
}
END_TEST

Suite *suite_queue_sleepers(void)
{
	const TTest *tests[] = {
		the_reaper_submits_what_the_kernel_had_no_memory_for,
		a_drain_tells_the_reaper_of_what_was_refused,
		a_drain_tells_the_reaper_that_spins,
		the_reaper_tells_an_event_loop_of_what_it_left_in_the_kernel,
		the_reaper_is_told_that_the_context_is_gone,
		a_sleeper_with_a_deadline_sleeps_once,
		all_who_sleep_hear_that_the_context_is_gone,
	};

	return harness_both_ways("queue: sleepers", tests, COUNT(tests));
}
