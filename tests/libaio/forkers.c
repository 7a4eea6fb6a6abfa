/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* A signal handler that forks, wherever it interrupts its thread. */
#include "harness.h"
#include "trap.h"
#include "suites.h"

#include <libaio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 3 /* of which a call asks for all but one */

static struct timespec none;
static io_context_t ctx;
static int ready; /* a file whose poll completes at once */
static bool in_child;
static int status;

static void begin(void)
{
	ctx = NULL;
	ready = open("/dev/zero", O_RDONLY);
	ck_assert_ok(io_setup(16, &ctx));
}

/* Not since Linux 7.0. */
static bool child_maps_the_ring(void)
{
	pid_t child = fork();
	int pipes[2];

	if (child == 0)
		_exit(pipe(pipes) < 0 || write(pipes[1], ctx, 1) != 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status == 0;
}

/* The worst order: the child is over before the parent goes on. */
static void join(pid_t child)
{
	if (child < 0 || waitpid(child, &status, 0) != child)
		ck_abort_msg("no child");
}

static void fork_and_return(void)
{
	pid_t child = fork();

	in_child = child == 0;
	if (!in_child)
		join(child);
}

static void fork_and_exit(void)
{
	struct io_event event;
	pid_t child = fork();

	if (child == 0)
		_exit(!(io_getevents(ctx, 0, 1, &event, &none) == -EINVAL &&
			io_queue_run(ctx) == -EINVAL &&
			io_destroy(ctx) == -EINVAL));
	join(child);
	if (status != 0)
		ck_abort_msg("the child was not refused");
}

static int submit_batch(void)
{
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	int i;

	io_prep_poll(&iocb, ready, POLLIN);
	for (i = 0; i < BATCH; i++)
		ck_assert_int_eq(io_submit(ctx, 1, list), 1);
	return BATCH;
}

static int collect_the_rest(void)
{
	struct io_event events[BATCH];
	int nr = 0;
	int ret;

	while ((ret = io_getevents(ctx, 0, BATCH, events, &none)) > 0)
		nr += ret;
	ck_assert_int_eq(ret, 0);
	return nr;
}

/* At every so many instructions of a call; the parent loses nothing. */
static void interrupt_at_each(unsigned stride, void (*action)(void))
{
	unsigned stop_at = 1;

	trap_begin(action);
	for (;;) {
		struct io_event events[BATCH];
		int nr = submit_batch();
		int ret;

		status = 0;
		TRAPPED(stop_at,
			ret = io_getevents(ctx, 1, BATCH - 1, events, &none));
		if (in_child)
			_exit(ret > 0 ? ret : ret != 0 && ret != -EINVAL);
		ck_assert_int_ge(ret, 0);
		if (!WIFEXITED(status))
			ck_abort_msg("%u: the child died of signal %d", stop_at,
				     WTERMSIG(status));
		nr -= ret + collect_the_rest();
		if (nr)
			ck_abort_msg("%u: %d are lost, the child has %d",
				     stop_at, nr, WEXITSTATUS(status));
		if (trap_step < stop_at)
			break;
		stop_at += stride;
	}
	ck_assert_uint_gt(stop_at, 50);
}

START_TEST(a_child_that_exits_costs_nothing)
{
	SKIP_IF_NO_TRAP();
	begin();
	interrupt_at_each(10, fork_and_exit);
}
END_TEST

START_TEST(a_child_that_returns_costs_nothing)
{
	SKIP_IF_NO_TRAP();
	begin();
	if (!child_maps_the_ring())
		SKIP("the kernel does not map the ring in children");
	interrupt_at_each(harness_has_ring() ? 1 : 10, fork_and_return);
}
END_TEST

Suite *suite_libaio_forkers(void)
{
	const TTest *tests[] = {
		a_child_that_exits_costs_nothing,
		a_child_that_returns_costs_nothing,
	};

	return harness_both_ways("libaio-forkers", tests, COUNT(tests));
}
