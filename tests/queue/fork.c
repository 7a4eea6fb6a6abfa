/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: a child that uses its parent's queue all the same. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR 20

/* Everything a child may try; 0 if all of it is refused. */
static int misuse(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	struct kaio_queue_stats stats;
	struct kaio_event events[NR];

	kaio_queue_stats(queue, &stats);
	return !(kaio_queue_push(queue, iocb) == -ECHILD &&
		 kaio_queue_submit(queue) == -ECHILD &&
		 kaio_queue_reap(queue, events, NR) == -ECHILD &&
		 kaio_queue_wait(queue, events, 1, NR, 0) == -ECHILD &&
		 kaio_queue_run(queue, 1, 0) == -ECHILD &&
		 kaio_queue_wake(queue) == -ECHILD &&
		 kaio_queue_eventfd(queue) == -ECHILD &&
		 kaio_queue_cancel(queue, iocb) == -ECHILD &&
		 kaio_queue_drain(queue, 0) == -ECHILD &&
		 kaio_queue_drain(queue, -2) == -ECHILD &&
		 kaio_queue_destroy(queue) == -ECHILD &&
		 kaio_queue_inflight(queue) == 0 &&
		 kaio_queue_backlog(queue) == 0 &&
		 kaio_queue_depth(queue) == 0 && stats.pushed == 0);
}

/* With completions collected, in the ring, done, and operations in backlog. */
static void fork_in_the_middle(void)
{
	struct kaio_queue *queue = fixture_queue(NR / 2, NR / 2);
	struct kaio_iocb iocbs[NR];
	int64_t results[NR];
	struct kaio_iocb mine;
	pid_t child;
	int status;
	size_t i;

	for (i = 0; i < NR; i++)
		fixture_good(&iocbs[i]);
	fixture_bad(&iocbs[0]);
	fixture_push(queue, iocbs, NR);
	ck_assert_int_eq(kaio_queue_submit(queue), NR / 2);
	fixture_good(&mine);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(misuse(queue, &mine));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_uint_eq(kaio_queue_inflight(queue), NR / 2);
	fixture_collect_all(queue, NR, iocbs, NR, results);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(results[i], i == 0 ? -EBADF : 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}

START_TEST(a_child_is_refused_and_the_parent_loses_nothing)
{
	fork_in_the_middle();
}
END_TEST

START_TEST(so_it_is_where_the_kernel_cannot_wipe_memory_on_fork)
{
	faults_refuse_madvise(true);
	fork_in_the_middle();
}
END_TEST

START_TEST(a_child_may_have_a_queue_of_its_own)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_iocb iocb;
	pid_t child;
	int status;

	fixture_good(&iocb);
	child = fork();
	if (child == 0) {
		struct kaio_event event;
		struct kaio_queue *own;

		_exit(!(kaio_queue_create(&own, 1, NULL) == 0 &&
			kaio_queue_push(own, &iocb) == 0 &&
			kaio_queue_wait(own, &event, 1, 1, KAIO_FOREVER) == 1 &&
			kaio_queue_destroy(own) == 0));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_fork(void)
{
	const TTest *tests[] = {
		a_child_is_refused_and_the_parent_loses_nothing,
		so_it_is_where_the_kernel_cannot_wipe_memory_on_fork,
		a_child_may_have_a_queue_of_its_own,
	};

	return harness_both_ways("queue: fork", tests, COUNT(tests));
}
