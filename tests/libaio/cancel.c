/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: no function is a cancellation point. */
#include "libaio/registry.h"
#include "calls.h"
#include "suites.h"

#include <libaio.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

static io_context_t shared;
static int ready; /* a file whose poll completes at once */
static bool calls_were_right;

/* Each call, and its sleep if it has one. Assertions are cancellation points.
 */
static void *call_everything(void *unused)
{
	struct timespec shortly = { 0, 1000000 };
	struct timespec none = { 0, 0 };
	io_context_t ctx = NULL;
	struct io_event event;
	struct iocb iocb;
	struct iocb *list[] = { &iocb };

	io_prep_poll(&iocb, ready, POLLIN);
	(void)pthread_cancel(pthread_self());
	calls_were_right =
		io_queue_init(4, &ctx) == 0 && io_submit(ctx, 1, list) == 1 &&
		io_getevents(ctx, 1, 1, &event, NULL) == 1 &&
		io_getevents(ctx, 1, 1, &event, &none) == 0 &&
		io_getevents(ctx, 1, 1, &event, &shortly) == 0 &&
		io_pgetevents(ctx, 1, 1, &event, &shortly, NULL) == 0 &&
		io_cancel(ctx, &iocb, &event) < 0 && io_queue_run(ctx) == 0 &&
		io_queue_release(ctx) == 0 &&
		/* Sleeps for the lock of shared. */
		io_getevents(shared, 0, 1, &event, &none) == 0;
	pthread_testcancel();
	return unused;
}

static bool is_waited_for(const struct context *context)
{
	return __atomic_load_n(&context->owner, __ATOMIC_RELAXED) & CONTENDED;
}

START_TEST(a_cancelled_thread_ends_after_the_calls)
{
	struct context *context;
	pthread_t thread;
	void *result;

	ready = open("/dev/zero", O_RDONLY);
	shared = NULL;
	ck_assert_call(io_setup(1, &shared), 0);
	context = kaio_registry_find((kaio_context_t)shared);
	if (context)
		ck_assert(context_lock(context, false));
	ck_assert_ok(pthread_create(&thread, NULL, call_everything, NULL));
	while (context && !is_waited_for(context))
		sched_yield();
	if (context)
		context_unlock(context);
	ck_assert_ok(pthread_join(thread, &result));
	ck_assert(calls_were_right);
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	ck_assert_call(io_destroy(shared), 0);
}
END_TEST

Suite *suite_libaio_cancel(void)
{
	const TTest *tests[] = {
		a_cancelled_thread_ends_after_the_calls,
	};

	return harness_all_ways("libaio-cancel", tests, COUNT(tests));
}
