/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: the descriptors that a queue has, of which 0 may be one. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"
#include "threads.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct kaio_queue *queue;

static void create_with_descriptor_0(uint32_t flags)
{
	close(0);
	queue = threads_queue(flags, 4, 0, 0);
	ck_assert_int_ge(fcntl(0, F_GETFD), 0);
}

static void destroy_with_descriptor_0(void)
{
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
}

static bool is_readable(void)
{
	struct pollfd eventfd = { 0, POLLIN, 0 };

	return poll(&eventfd, 1, 0) == 1;
}

static void submit(void (*prepare)(struct kaio_iocb *), struct kaio_iocb *iocb,
		   int submitted)
{
	prepare(iocb);
	ck_assert_ok(kaio_queue_push(queue, iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), submitted);
}

START_TEST(descriptor_0_is_an_eventfd_like_others)
{
	struct kaio_event event;
	struct kaio_iocb iocb;

	create_with_descriptor_0(KAIO_QUEUE_EVENTFD);
	ck_assert_ok(kaio_queue_eventfd(queue));
	submit(fixture_good, &iocb, 1);
	ck_assert(is_readable());
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 1);
	ck_assert(!is_readable());
	submit(fixture_bad, &iocb, 0);
	ck_assert(is_readable());
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 1);
	ck_assert(!is_readable());
	fixture_good(&iocb);
	kaio_iocb_set_eventfd(&iocb, 1);
	ck_assert_int_eq(kaio_queue_push(queue, &iocb), -EINVAL);
	destroy_with_descriptor_0();
}
END_TEST

START_TEST(descriptor_0_is_raised_when_collecting_fails)
{
	struct kaio_event event;
	struct kaio_iocb iocb;

	create_with_descriptor_0(KAIO_QUEUE_EVENTFD | KAIO_QUEUE_NO_RING);
	submit(fixture_good, &iocb, 1);
	faults_fail(SYS_io_getevents, EFAULT, 1);
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), -EFAULT);
	ck_assert(is_readable());
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 1);
	destroy_with_descriptor_0();
}
END_TEST

static void wake(void)
{
	ck_assert_ok(kaio_queue_wake(queue));
}

START_TEST(descriptor_0_is_a_wakeup_like_others)
{
	struct kaio_event event;
	struct kaio_iocb iocb;

	create_with_descriptor_0(KAIO_QUEUE_WAKE);
	submit(fixture_endless, &iocb, 1);
	faults_before_getevents(wake);
	ck_assert_ok(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER));
	ck_assert_ok(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER));
	faults_before_getevents(NULL);
	destroy_with_descriptor_0();
}
END_TEST

START_TEST(the_eventfd_is_raised_once_until_it_is_lowered)
{
	struct kaio_event events[3];
	struct kaio_iocb iocbs[3];
	unsigned writes;
	size_t i;

	queue = threads_queue(KAIO_QUEUE_EVENTFD, 4, 0, 0);
	writes = faults_calls(SYS_write);
	for (i = 0; i < COUNT(iocbs); i++)
		submit(fixture_bad, &iocbs[i], 0);
	ck_assert_uint_eq(faults_calls(SYS_write) - writes, 1);
	ck_assert_int_eq(kaio_queue_reap(queue, events, 3), 3);
	submit(fixture_bad, &iocbs[0], 0);
	ck_assert_uint_eq(faults_calls(SYS_write) - writes, 2);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_wakeup_that_the_kernel_does_not_take_is_eagain)
{
	const struct kaio_queue_params params = { .flags = KAIO_QUEUE_WAKE };
	const int none = 0;

	faults_script_submit(&none, 1);
	ck_assert_int_eq(kaio_queue_create(&queue, 4, &params), -EAGAIN);
}
END_TEST

/* One operation is rejected, and for the other there is no memory: two reasons.
 */
START_TEST(one_call_wakes_the_reaper_once)
{
	const int results[] = { -EBADF, -ENOMEM };
	struct waiter waiter;
	struct kaio_iocb iocbs[2];
	struct kaio_event event;
	struct kaio_op op;

	queue = threads_queue(KAIO_QUEUE_SHARED, 4, 0, 0);
	threads_push_poll(queue, &op);
	threads_start(&waiter, queue, BY_WAIT);
	threads_sleep(queue, 1);
	fixture_good(&iocbs[0]);
	fixture_good(&iocbs[1]);
	fixture_push(queue, iocbs, 2);
	faults_script_submit(results, COUNT(results));
	ck_assert_int_eq(kaio_queue_submit(queue), 0);
	ck_assert_uint_eq(faults_calls(SYS_write), 1);
	threads_join(&waiter);
	ck_assert_int_eq(waiter.ret, 1);
	ck_assert_int_eq(waiter.event.res, -EBADF);
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	ck_assert_int_eq(event.res, 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_descriptors(void)
{
	const TTest *tests[] = {
		descriptor_0_is_an_eventfd_like_others,
		descriptor_0_is_raised_when_collecting_fails,
		descriptor_0_is_a_wakeup_like_others,
		the_eventfd_is_raised_once_until_it_is_lowered,
		a_wakeup_that_the_kernel_does_not_take_is_eagain,
		one_call_wakes_the_reaper_once,
	};

	return harness_both_ways("queue: descriptors", tests, COUNT(tests));
}
