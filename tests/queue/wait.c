/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: how long waits wait, and what cuts them short. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MILLISECOND INT64_C(1000000)

/* Pushes so many operations that complete, and so many that do not. */
static void push(struct kaio_queue *queue, struct kaio_iocb *iocbs, size_t good,
		 size_t endless)
{
	size_t i;

	for (i = 0; i < good + endless; i++) {
		if (i < good)
			fixture_good(&iocbs[i]);
		else
			fixture_endless(&iocbs[i]);
	}
	fixture_push(queue, iocbs, good + endless);
}

START_TEST(a_wait_for_more_than_are_outstanding_returns_them_all)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct kaio_event events[8];
	struct kaio_iocb iocbs[4];

	ck_assert_int_eq(kaio_queue_wait(queue, events, 8, 8, KAIO_FOREVER), 0);
	push(queue, iocbs, 3, 0);
	fixture_bad(&iocbs[3]);
	ck_assert_ok(kaio_queue_push(queue, &iocbs[3]));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 8, 8, KAIO_FOREVER), 4);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_wait_collects_through_a_backlog_deeper_than_the_queue)
{
	enum {
		NR = 100
	};
	struct kaio_queue *queue = fixture_queue(3, NR);
	struct kaio_event events[NR];
	struct kaio_iocb iocbs[NR];

	push(queue, iocbs, NR, 0);
	ck_assert_int_eq(kaio_queue_wait(queue, events, NR, NR, KAIO_FOREVER),
			 NR);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_wait_returns_no_more_than_there_is_room_for)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct kaio_event events[8];
	struct kaio_iocb iocbs[8];

	push(queue, iocbs, 8, 0);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 0, 3, KAIO_FOREVER), 3);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 3, 3, KAIO_FOREVER), 3);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 8, KAIO_FOREVER), 2);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_deadline_ends_a_wait_with_what_there_is)
{
	const int64_t timeouts[] = { 0, 1, MILLISECOND };
	struct kaio_event events[4];
	struct kaio_iocb iocbs[4];
	size_t i;

	for (i = 0; i < COUNT(timeouts); i++) {
		struct kaio_queue *queue = fixture_queue(4, 0);

		push(queue, iocbs, 2, 2);
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 3, 4, timeouts[i]), 2);
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 1, 4, timeouts[i]), 0);
		ck_assert_int_eq(kaio_queue_drain(queue, timeouts[i]),
				 -ETIMEDOUT);
		ck_assert_uint_eq(kaio_queue_inflight(queue), 2);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(a_deadline_ends_a_wait_on_a_kernel_that_refuses)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_event event;
	struct kaio_iocb iocbs[2];

	push(queue, iocbs, 0, 1);
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	faults_fail(SYS_io_submit, EAGAIN, 1000000);
	fixture_good(&iocbs[1]);
	ck_assert_ok(kaio_queue_push(queue, &iocbs[1]));
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, 0), 0);
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, 10 * MILLISECOND),
			 0);
	ck_assert_int_eq(kaio_queue_drain(queue, 10 * MILLISECOND), -ETIMEDOUT);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 1);
	/* About one attempt in 4 milliseconds. */
	ck_assert_uint_le(faults_calls(SYS_io_submit), 20);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(the_longest_timeout_is_no_error)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_event event;
	struct kaio_iocb iocb;
	size_t i;

	for (i = 0; i < 2; i++) {
		const int64_t timeout = i ? INT64_MAX : INT64_MAX / 2;
		int fd = eventfd(1, 0);

		kaio_prep_poll(&iocb, fd, 1);
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, timeout),
				 1);
		ck_assert_ok(kaio_queue_drain(queue, timeout));
		close(fd);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_signal_ends_a_wait_with_what_there_is)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct kaio_event events[8];
	struct kaio_iocb iocbs[8];

	fixture_signals();
	/* None there. */
	push(queue, iocbs, 0, 4);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 8, KAIO_FOREVER),
			 -EINTR);
	ck_assert_int_eq(
		kaio_queue_wait(queue, events, 4, 8, 3600000 * MILLISECOND),
		-EINTR);
	/* Some. */
	push(queue, iocbs + 4, 2, 0);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 3, 8, KAIO_FOREVER), 2);
	/* All that are waited for. */
	push(queue, iocbs + 4, 3, 0);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 3, 8, KAIO_FOREVER), 3);
	ck_assert_int_eq(kaio_queue_drain(queue, KAIO_FOREVER), -EINTR);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 4);
	fixture_no_signals();
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_signal_is_nothing_to_one_that_does_not_wait)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_event event;
	struct kaio_iocb iocb;

	push(queue, &iocb, 0, 1);
	/* So the kernel answers if a signal is pending by chance. */
	faults_fail(SYS_io_getevents, EINTR, 2);
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 0);
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, 0), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_drain_leaves_the_completions_to_be_collected)
{
	enum {
		NR = 50
	};
	struct kaio_queue *queue = fixture_queue(4, NR);
	struct kaio_iocb iocbs[NR];
	int64_t results[NR];
	struct kaio_event unused;
	size_t i;

	ck_assert_ok(kaio_queue_drain(queue, 0));
	push(queue, iocbs, NR, 0);
	fixture_bad(&iocbs[7]);
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[30]));
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
	fixture_collect_all(queue, 3, iocbs, NR, results);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(results[i], i == 7    ? -EBADF
					     : i == 30 ? -ECANCELED
						       : 1);
	ck_assert_int_eq(kaio_queue_reap(queue, &unused, 1), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(drains_with_completions_left_over_lose_none)
{
	/* done wraps around in the middle of what a drain adds to it.
	 */
	struct kaio_queue *queue = fixture_queue(5, 2);
	struct kaio_iocb iocbs[7];
	struct kaio_event events[7];
	uint64_t pushed = 0;
	uint64_t next = 0;
	unsigned round;

	for (round = 0; round < 100; round++) {
		unsigned room = round % 5 + 1;
		int ret;
		int i;

		for (i = 0; i < 7; i++) {
			fixture_good(&iocbs[pushed % 7]);
			kaio_iocb_set_data64(&iocbs[pushed % 7], pushed);
			if (kaio_queue_push(queue, &iocbs[pushed % 7]) < 0)
				break;
			pushed++;
		}
		ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
		ret = kaio_queue_reap(queue, events, room);
		ck_assert_int_eq(ret, (int)room);
		for (i = 0; i < ret; i++)
			ck_assert_uint_eq(events[i].data, next++);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_wait(void)
{
	const TTest *tests[] = {
		a_wait_for_more_than_are_outstanding_returns_them_all,
		a_wait_collects_through_a_backlog_deeper_than_the_queue,
		a_wait_returns_no_more_than_there_is_room_for,
		a_deadline_ends_a_wait_with_what_there_is,
		a_deadline_ends_a_wait_on_a_kernel_that_refuses,
		the_longest_timeout_is_no_error,
		a_signal_ends_a_wait_with_what_there_is,
		a_signal_is_nothing_to_one_that_does_not_wait,
		a_drain_leaves_the_completions_to_be_collected,
		drains_with_completions_left_over_lose_none,
	};

	return harness_both_ways("queue: wait", tests, COUNT(tests));
}
