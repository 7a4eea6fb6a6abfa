/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The queue layer: pushing. tests/test-queue-push-ffi is this file again, with
 * the symbol in place of the inline function.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(push_beyond_depth_and_backlog_is_enobufs_until_some_are_collected)
{
	struct kaio_queue *queue = fixture_queue(3, 2);
	struct kaio_iocb iocbs[6];
	struct kaio_event events[6];
	size_t i;

	for (i = 0; i < COUNT(iocbs); i++)
		fixture_good(&iocbs[i]);
	fixture_push(queue, iocbs, 5);
	ck_assert_int_eq(kaio_queue_push(queue, &iocbs[5]), -ENOBUFS);
	/* In the kernel or done they are still outstanding. */
	ck_assert_int_eq(kaio_queue_submit(queue), 3);
	ck_assert_int_eq(kaio_queue_push(queue, &iocbs[5]), -ENOBUFS);
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	ck_assert_int_eq(kaio_queue_push(queue, &iocbs[5]), -ENOBUFS);
	ck_assert_int_eq(kaio_queue_reap(queue, events, 1), 1);
	ck_assert_ok(kaio_queue_push(queue, &iocbs[5]));
	ck_assert_int_eq(kaio_queue_push(queue, &iocbs[5]), -ENOBUFS);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 5, 6, KAIO_FOREVER), 5);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(both_ways_to_push_are_one)
{
	struct kaio_queue *queue = fixture_queue(2, 2);
	struct kaio_iocb iocbs[5];
	struct kaio_event events[5];
	size_t i;

	for (i = 0; i < COUNT(iocbs); i++)
		fixture_good(&iocbs[i]);
	ck_assert_int_eq(kaio_queue_push_slowly(NULL, iocbs), -EINVAL);
	ck_assert_int_eq(kaio_queue_push_slowly(queue, NULL), -EINVAL);
	ck_assert_int_eq(kaio_queue_push(NULL, iocbs), -EINVAL);
	ck_assert_int_eq(kaio_queue_push(queue, NULL), -EINVAL);
	for (i = 0; i < 4; i++)
		ck_assert_ok((i % 2 ? kaio_queue_push_slowly
				    : kaio_queue_push)(queue, &iocbs[i]));
	ck_assert_uint_eq(kaio_queue_backlog(queue), 4);
	ck_assert_int_eq(kaio_queue_push_slowly(queue, &iocbs[4]), -ENOBUFS);
	ck_assert_int_eq(kaio_queue_push(queue, &iocbs[4]), -ENOBUFS);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 4, 5, KAIO_FOREVER), 4);
	for (i = 0; i < 4; i++)
		ck_assert_ptr_eq(kaio_event_iocb(&events[i]), &iocbs[i]);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* A limit on what is outstanding, whatever has been collected, and however. */
START_TEST(as_many_may_be_pushed_as_were_collected)
{
	struct kaio_queue *queue = fixture_queue(4, 3);
	struct kaio_iocb iocbs[7];
	struct kaio_event events[7];
	unsigned outstanding = 0;
	unsigned i;

	for (i = 0; i < COUNT(iocbs); i++)
		fixture_good(&iocbs[i]);
	for (i = 0; i < 20000; i++) {
		unsigned nr = i * 7 % 5 + 1;
		int ret;

		while (outstanding < COUNT(iocbs)) {
			ck_assert_ok(kaio_queue_push(queue, iocbs));
			outstanding++;
		}
		ck_assert_int_eq(kaio_queue_push(queue, iocbs), -ENOBUFS);
		if (i % 3 == 0)
			ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
		ret = kaio_queue_wait(queue, events, nr, nr,
				      i % 2 ? KAIO_FOREVER : 1000000000);
		ck_assert_int_eq(ret, nr);
		outstanding -= nr;
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_reap_has_the_error_of_what_it_handed_over)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_iocb bad;
	struct kaio_event event;

	fixture_bad(&bad);
	ck_assert_ok(kaio_queue_push(queue, &bad));
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 1);
	ck_assert_int_eq(event.res, -EBADF);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* Nobody may think that there is room where more is to be done for a push. */
START_TEST(only_plain_queues_show_room)
{
	const uint32_t flags[] = { KAIO_QUEUE_WAKE, KAIO_QUEUE_EVENTFD,
				   KAIO_QUEUE_SHARED };
	struct kaio_queue_params params = { 0 };
	const struct kaio_queue_room *room;
	struct kaio_queue *queue;
	size_t i;

	queue = fixture_queue(8, 0);
	room = (const struct kaio_queue_room *)queue;
	ck_assert_int_le(room->end - room->next, 8);
	ck_assert_ok(kaio_queue_destroy(queue));
	for (i = 0; i < COUNT(flags); i++) {
		struct kaio_iocb iocb;

		params.flags = flags[i];
		ck_assert_ok(kaio_queue_create(&queue, 8, &params));
		fixture_good(&iocb);
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		room = (const struct kaio_queue_room *)queue;
		ck_assert(room->next >= room->end);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
}
END_TEST

START_TEST(in_a_child_there_is_no_room)
{
	struct kaio_queue *queue = fixture_queue(8, 0);
	struct kaio_iocb iocbs[3];
	struct kaio_event events[3];
	int status, i;
	pid_t child;

	for (i = 0; i < 3; i++)
		fixture_good(&iocbs[i]);
	fixture_push(queue, iocbs, 1);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(kaio_queue_push(queue, &iocbs[1]) != -ECHILD ||
		      kaio_queue_push_slowly(queue, &iocbs[1]) != -ECHILD);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_ok(kaio_queue_push(queue, &iocbs[2]));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 2, 3, KAIO_FOREVER), 2);
	ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &iocbs[0]);
	ck_assert_ptr_eq(kaio_event_iocb(&events[1]), &iocbs[2]);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_push(void)
{
	const TTest *tests[] = {
		push_beyond_depth_and_backlog_is_enobufs_until_some_are_collected,
		both_ways_to_push_are_one,
		as_many_may_be_pushed_as_were_collected,
		a_reap_has_the_error_of_what_it_handed_over,
		only_plain_queues_show_room,
		in_a_child_there_is_no_room,
	};

	return harness_both_ways("queue: push", tests, COUNT(tests));
}
