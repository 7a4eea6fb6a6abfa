/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: its eventfd is readable while there is something to reap. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct kaio_queue *create(unsigned depth, unsigned backlog)
{
	const struct kaio_queue_params params = { .flags = KAIO_QUEUE_EVENTFD,
						  .backlog = backlog };
	struct kaio_queue *queue;

	ck_assert_ok(kaio_queue_create(&queue, depth, &params));
	return queue;
}

static void note(struct kaio_op *op, int64_t res)
{
	op->iocb.data = (uint64_t)res;
	op->complete = NULL;
}

static bool is_readable(struct kaio_queue *queue)
{
	struct pollfd pollfd = { kaio_queue_eventfd(queue), POLLIN, 0 };

	ck_assert_int_ge(poll(&pollfd, 1, 0), 0);
	return pollfd.revents == POLLIN;
}

START_TEST(it_is_readable_from_the_first_completion_to_the_last_reaped)
{
	struct kaio_queue *queue = create(4, 0);
	struct kaio_event events[5];
	struct kaio_iocb iocbs[4];
	size_t i;

	ck_assert(!is_readable(queue));
	for (i = 0; i < COUNT(iocbs); i++)
		fixture_good(&iocbs[i]);
	fixture_push(queue, iocbs, COUNT(iocbs));
	ck_assert(!is_readable(queue));
	ck_assert_int_eq(kaio_queue_submit(queue), 4);
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_reap(queue, events, 1), 1);
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 2, KAIO_FOREVER), 2);
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_reap(queue, events, 5), 1);
	ck_assert(!is_readable(queue));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(errors_made_by_the_queue_raise_it_too)
{
	struct kaio_queue *queue = create(4, 0);
	struct kaio_event events[4];
	struct kaio_iocb iocb;

	fixture_bad(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 0);
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_reap(queue, events, 4), 1);
	ck_assert(!is_readable(queue));
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_ok(kaio_queue_cancel(queue, &iocb));
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_reap(queue, events, 4), 1);
	ck_assert(!is_readable(queue));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* One that the kernel refused, and one that it has completed. */
START_TEST(a_wait_that_has_enough_leaves_it_readable)
{
	struct kaio_queue *queue = create(2, 0);
	struct kaio_event events[2];
	struct kaio_iocb iocbs[2];

	fixture_bad(&iocbs[0]);
	fixture_good(&iocbs[1]);
	fixture_push(queue, iocbs, COUNT(iocbs));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 1, KAIO_FOREVER), 1);
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_reap(queue, events, 2), 1);
	ck_assert(!is_readable(queue));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_drain_leaves_it_readable)
{
	struct kaio_queue *queue = create(2, 2);
	struct kaio_event events[4];
	struct kaio_iocb iocbs[4];
	size_t i;

	for (i = 0; i < COUNT(iocbs); i++)
		fixture_good(&iocbs[i]);
	fixture_push(queue, iocbs, COUNT(iocbs));
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_reap(queue, events, 3), 3);
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_reap(queue, events, 3), 1);
	ck_assert(!is_readable(queue));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(it_stays_readable_when_collecting_fails)
{
	struct kaio_queue *queue = create(1, 0);
	struct kaio_event event;
	struct kaio_iocb iocb;

	if (harness_has_ring())
		SKIP("with the ring it cannot fail");
	fixture_good(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	faults_fail(SYS_io_getevents, EFAULT, 2);
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), -EFAULT);
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_drain(queue, KAIO_FOREVER), -EFAULT);
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 1);
	ck_assert(!is_readable(queue));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(it_stays_readable_when_collecting_fails_after_a_callback)
{
	struct kaio_queue *queue = create(2, 0);
	struct kaio_op ops[2] = { { .complete = note }, { .complete = note } };

	if (harness_has_ring())
		SKIP("with the ring it cannot fail");
	fixture_bad(&ops[0].iocb);
	fixture_good(&ops[1].iocb);
	ck_assert_ok(kaio_queue_push(queue, &ops[0].iocb));
	ck_assert_ok(kaio_queue_push(queue, &ops[1].iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	faults_fail(SYS_io_getevents, EFAULT, 1);
	ck_assert_int_eq(kaio_queue_run(queue, 0, 0), 1);
	ck_assert(is_readable(queue));
	ck_assert_int_eq(kaio_queue_run(queue, 0, 0), 1);
	ck_assert(!is_readable(queue));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(an_operation_with_an_eventfd_of_its_own_is_refused)
{
	struct kaio_queue *queue = create(1, 0);
	struct kaio_iocb iocb;
	int64_t result;
	int fd = eventfd(0, 0);

	fixture_good(&iocb);
	kaio_iocb_set_eventfd(&iocb, fd);
	ck_assert_int_eq(kaio_queue_push(queue, &iocb), -EINVAL);
	fixture_good(&iocb);
	/* Pushed a second time it has the queue's, and that is well. */
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	fixture_collect_all(queue, 1, &iocb, 1, &result);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	fixture_collect_all(queue, 1, &iocb, 1, &result);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(without_the_flag_there_is_none)
{
	struct kaio_queue *queue = fixture_queue(1, 0);

	ck_assert_int_eq(kaio_queue_eventfd(queue), -EINVAL);
	ck_assert_int_eq(kaio_queue_eventfd(NULL), -EINVAL);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(an_event_loop_misses_nothing)
{
	enum {
		NR = 2000,
		KEPT = 40
	};
	struct kaio_queue *queue = create(8, KEPT);
	int loop = epoll_create1(0);
	struct epoll_event ready = { .events = EPOLLIN };
	static struct kaio_iocb iocbs[KEPT];
	struct kaio_event events[16];
	unsigned pushed = 0;
	unsigned reaped = 0;

	ck_assert_ok(epoll_ctl(loop, EPOLL_CTL_ADD, kaio_queue_eventfd(queue),
			       &ready));
	for (; pushed < KEPT; pushed++) {
		if (pushed % 7 == 3)
			fixture_bad(&iocbs[pushed]);
		else
			fixture_good(&iocbs[pushed]);
		ck_assert_ok(kaio_queue_push(queue, &iocbs[pushed]));
	}
	ck_assert_int_ge(kaio_queue_submit(queue), 0);
	while (reaped < NR) {
		int ret;

		/* Level-triggered: asleep here for ever is what must not be. */
		ck_assert_int_eq(epoll_wait(loop, &ready, 1, -1), 1);
		ret = kaio_queue_reap(queue, events, 1 + reaped % 16);
		ck_assert_int_ge(ret, 0);
		reaped += (unsigned)ret;
		while (ret-- && pushed < NR) {
			ck_assert_ok(kaio_queue_push(
				queue, kaio_event_iocb(&events[ret])));
			pushed++;
		}
		ck_assert_int_ge(kaio_queue_submit(queue), 0);
	}
	ck_assert_uint_eq(reaped, pushed);
	ck_assert_int_eq(kaio_queue_reap(queue, events, 16), 0);
	ck_assert(!is_readable(queue));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_run_that_finds_nothing_leaves_it_down)
{
	const uint32_t flags[] = { KAIO_QUEUE_EVENTFD,
				   KAIO_QUEUE_EVENTFD | KAIO_QUEUE_NO_RING };
	size_t i;

	for (i = 0; i < COUNT(flags); i++) {
		const struct kaio_queue_params params = { .flags = flags[i] };
		struct kaio_op op = { .complete = note };
		struct kaio_queue *queue;

		ck_assert_ok(kaio_queue_create(&queue, 4, &params));
		fixture_endless(&op.iocb);
		ck_assert_ok(kaio_queue_push(queue, &op.iocb));
		ck_assert_int_eq(kaio_queue_submit(queue), 1);
		ck_assert(!is_readable(queue));
		ck_assert_int_eq(kaio_queue_run(queue, 0, 0), 0);
		ck_assert(!is_readable(queue));
		/* The kernel answers so only if it has none. */
		faults_fail(SYS_io_getevents, EINTR, 1);
		ck_assert_int_eq(kaio_queue_run(queue, 0, 0), 0);
		ck_assert(!is_readable(queue));
		faults_fail(SYS_io_getevents, 0, 0);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

/* As an event loop does that never calls but when it is readable. */
static int64_t result_after_no_memory(unsigned times)
{
	struct kaio_queue *queue = create(4, 0);
	struct kaio_op op = { .complete = note };
	unsigned runs;

	fixture_good(&op.iocb);
	ck_assert_ok(kaio_queue_push(queue, &op.iocb));
	faults_fail(SYS_io_submit, ENOMEM, times);
	ck_assert_int_eq(kaio_queue_submit(queue), 0);
	for (runs = 0; op.complete; runs++) {
		ck_assert_uint_lt(runs, 100);
		ck_assert(is_readable(queue));
		ck_assert_int_ge(kaio_queue_run(queue, 0, 0), 0);
	}
	ck_assert_int_eq(kaio_queue_run(queue, 0, 0), 0);
	ck_assert(!is_readable(queue));
	faults_fail(SYS_io_submit, 0, 0);
	ck_assert_ok(kaio_queue_destroy(queue));
	return (int64_t)op.iocb.data;
}

START_TEST(it_is_readable_while_one_waits_for_memory_alone)
{
	ck_assert_int_eq(result_after_no_memory(1), 1);
	ck_assert_int_eq(result_after_no_memory(3), 1);
	ck_assert_int_eq(result_after_no_memory(10000), -ENOMEM);
}
END_TEST

Suite *suite_queue_eventfd(void)
{
	const TTest *tests[] = {
		it_is_readable_from_the_first_completion_to_the_last_reaped,
		errors_made_by_the_queue_raise_it_too,
		a_wait_that_has_enough_leaves_it_readable,
		a_drain_leaves_it_readable,
		it_stays_readable_when_collecting_fails,
		it_stays_readable_when_collecting_fails_after_a_callback,
		an_operation_with_an_eventfd_of_its_own_is_refused,
		without_the_flag_there_is_none,
		an_event_loop_misses_nothing,
		a_run_that_finds_nothing_leaves_it_down,
		it_is_readable_while_one_waits_for_memory_alone,
	};

	return harness_both_ways("queue: eventfd", tests, COUNT(tests));
}
