/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A thread that sleeps in a shared queue and is stopped there, by a debugger
 * for example: it holds no lock, so that all calls of others return. What only
 * the reaper collects waits for it.
 */
#include "../queue/threads.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS 1000000
#define NR 6

/* A thread that waits for one completion. */
struct sleeper {
	pthread_t thread;
	struct kaio_queue *queue;
	struct kaio_event event;
	pid_t tid; /* atomic */
	int ret;
};

static void *sleep_in_queue(void *argument)
{
	struct sleeper *sleeper = argument;

	__atomic_store_n(&sleeper->tid, (pid_t)syscall(SYS_gettid),
			 __ATOMIC_RELEASE);
	/* A tracer interrupts it, too. */
	do {
		sleeper->ret = kaio_queue_wait(sleeper->queue, &sleeper->event,
					       1, 1, KAIO_FOREVER);
	} while (sleeper->ret == -EINTR);
	return NULL;
}

/* The tracer is a process of its own: no thread can trace its own process. */
struct tracer {
	pid_t pid;
	int told[2], until[2];
};

static void trace(const struct tracer *tracer, pid_t tid)
{
	char stopped = ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0 &&
		       ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 &&
		       waitpid(tid, NULL, __WALL) == tid;
	char byte;

	close(tracer->until[1]);
	if (write(tracer->told[1], &stopped, 1) != 1 ||
	    read(tracer->until[0], &byte, 1) < 0)
		_exit(1);
	/* Its end lets the thread go on. */
	_exit(0);
}

static bool stop(struct tracer *tracer, const struct sleeper *sleeper)
{
	char stopped = 0;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	ck_assert_ok(pipe2(tracer->told, O_CLOEXEC));
	ck_assert_ok(pipe2(tracer->until, O_CLOEXEC));
	tracer->pid = fork();
	ck_assert_int_ge(tracer->pid, 0);
	if (!tracer->pid)
		trace(tracer, __atomic_load_n(&sleeper->tid, __ATOMIC_ACQUIRE));
	ck_assert_int_eq(read(tracer->told[0], &stopped, 1), 1);
	return stopped;
}

static void let_go_on(const struct tracer *tracer)
{
	close(tracer->until[1]);
	ck_assert_int_eq(waitpid(tracer->pid, NULL, 0), tracer->pid);
}

static void start(struct sleeper *sleeper, struct kaio_queue *queue,
		  unsigned nr)
{
	sleeper->queue = queue;
	ck_assert_ok(pthread_create(&sleeper->thread, NULL, sleep_in_queue,
				    sleeper));
	threads_sleep(queue, nr);
}

/* All that does not wait without end. How many completions it had. */
static int call_all(struct kaio_queue *queue, struct kaio_iocb *iocbs)
{
	struct kaio_queue_stats stats;
	struct kaio_event events[NR];
	int total = 0;
	int ret;
	unsigned i;

	for (i = 0; i < NR; i++) {
		fixture_good(&iocbs[i]);
		ck_assert_ok(kaio_queue_push(queue, &iocbs[i]));
	}
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[NR - 1]));
	ck_assert_int_eq(kaio_queue_submit(queue), NR - 1);
	ck_assert_int_eq(kaio_queue_cancel(queue, &iocbs[0]), -EBUSY);
	ret = kaio_queue_reap(queue, events, NR);
	ck_assert_int_ge(ret, 0);
	total += ret;
	ret = kaio_queue_wait(queue, events, 1, NR, MS);
	ck_assert_int_ge(ret, 0);
	total += ret;
	ck_assert_int_eq(kaio_queue_drain(queue, MS), -ETIMEDOUT);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.canceled, 1);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
	return total;
}

/* Each of the operations, and the poll, completes once. */
static void collect_the_rest(struct kaio_queue *queue, int total)
{
	struct kaio_queue_stats stats;
	struct kaio_event events[NR + 1];

	while (total < NR + 1) {
		int ret =
			kaio_queue_wait(queue, events, 1, NR + 1, KAIO_FOREVER);

		ck_assert(ret >= 0 || ret == -EINTR);
		total += ret > 0 ? ret : 0;
	}
	ck_assert_int_eq(total, NR + 1);
	ck_assert_int_eq(kaio_queue_reap(queue, events, NR), 0);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.completed, stats.pushed);
}

/* Of so many that sleep the last one: the only one is the reaper. */
static bool stop_the_last_of(unsigned nr)
{
	struct sleeper sleepers[2] = { 0 };
	struct kaio_op poll = { 0 };
	struct kaio_iocb iocbs[NR];
	struct kaio_queue *queue =
		threads_queue(KAIO_QUEUE_SHARED, NR + 1, NR, 0);
	struct tracer tracer;
	bool stopped;
	int total = 0;
	unsigned i;

	threads_push_poll(queue, &poll);
	for (i = 0; i < nr; i++)
		start(&sleepers[i], queue, i + 1);
	stopped = stop(&tracer, &sleepers[nr - 1]);
	if (stopped)
		total = call_all(queue, iocbs);
	let_go_on(&tracer);
	threads_end_poll(&poll);
	if (!stopped)
		return false;
	for (i = 0; i < nr; i++) {
		ck_assert_ok(pthread_join(sleepers[i].thread, NULL));
		ck_assert_int_ge(sleepers[i].ret, 0);
		total += sleepers[i].ret;
	}
	collect_the_rest(queue, total);
	ck_assert_ok(kaio_queue_destroy(queue));
	return true;
}

START_TEST(a_reaper_that_is_stopped_keeps_nobody_in_a_call)
{
	if (harness_is_under_valgrind())
		SKIP("Valgrind's threads take turns");
	if (!stop_the_last_of(1))
		SKIP("ptrace is not allowed");
}
END_TEST

Suite *suite_world_stopped(void)
{
	const TTest *tests[] = {
		a_reaper_that_is_stopped_keeps_nobody_in_a_call,
	};

	return harness_both_ways("world: stopped", tests, COUNT(tests));
}
