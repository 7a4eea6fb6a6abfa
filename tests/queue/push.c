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

/*
 * Four come at once, and three of them would not fit where the completions end,
 * before the slots of the backlog.
 */
START_TEST(what_is_collected_leaves_the_backlog_alone)
{
	struct kaio_queue *queue = fixture_queue(4, 2);
	const unsigned pushed[] = { 4, 3, 5 };
	struct kaio_event events[6];
	struct kaio_iocb iocbs[5];
	unsigned nr;
	size_t i;

	for (i = 0; i < COUNT(iocbs); i++)
		fixture_good(&iocbs[i]);
	for (i = 0; i < COUNT(pushed); i++) {
		fixture_push(queue, iocbs, pushed[i]);
		ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
		/* One stays, so that the next come behind it. */
		nr = i < 2 ? 3 : 6;
		ck_assert_int_eq(kaio_queue_reap(queue, events, nr), nr);
	}
	for (i = 0; i < COUNT(iocbs); i++) {
		ck_assert_ptr_eq(kaio_event_iocb(&events[i + 1]), &iocbs[i]);
		ck_assert_int_eq(events[i + 1].res, 1);
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

/* Once the first has made room, the second is refused. */
START_TEST(a_reap_has_the_error_of_what_it_made_room_for)
{
	const struct kaio_queue_params params = {
		.flags = KAIO_QUEUE_EVENTFD,
		.backlog = 1,
	};
	struct kaio_queue *queue = NULL;
	struct kaio_iocb iocbs[2];
	struct kaio_event events[2];

	ck_assert_ok(kaio_queue_create(&queue, 1, &params));
	fixture_good(&iocbs[0]);
	fixture_bad(&iocbs[1]);
	fixture_push(queue, iocbs, 2);
	ck_assert_int_eq(kaio_queue_reap(queue, events, 2), 2);
	ck_assert_int_eq(events[0].res, 1);
	ck_assert_int_eq(events[1].res, -EBADF);
	ck_assert_ok(kaio_queue_destroy(queue));
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
		_exit(kaio_queue_push(queue, &iocbs[1]) != -ECHILD);
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
		as_many_may_be_pushed_as_were_collected,
		what_is_collected_leaves_the_backlog_alone,
		a_reap_has_the_error_of_what_it_handed_over,
		a_reap_has_the_error_of_what_it_made_room_for,
		in_a_child_there_is_no_room,
	};

	return harness_both_ways("queue: push", tests, COUNT(tests));
}
