/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: io_destroy while other threads use the context. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#define WAITERS 6
#define POLLERS 3
#define AT_ONCE 20

static struct timespec none;

struct waiter {
	pthread_t thread;
	io_context_t ctx;
	size_t number;
	int result;
	int tid;
};

static void *wait_indefinitely(void *argument)
{
	struct timespec hour = { 3600, 0 };
	struct waiter *waiter = argument;
	struct io_event events[2];

	__atomic_store_n(&waiter->tid, (int)syscall(SYS_gettid),
			 __ATOMIC_RELEASE);
	switch (waiter->number % 3) {
	case 0:
		waiter->result = io_getevents(waiter->ctx, 1, 2, events, NULL);
		break;
	case 1:
		waiter->result = io_getevents(waiter->ctx, 2, 2, events, &hour);
		break;
	default:
		waiter->result =
			io_pgetevents(waiter->ctx, 1, 2, events, NULL, NULL);
		break;
	}
	return NULL;
}

static void start_waiters(struct waiter *waiters, io_context_t ctx)
{
	size_t i;

	for (i = 0; i < WAITERS; i++) {
		waiters[i].ctx = ctx;
		waiters[i].number = i;
		waiters[i].tid = 0;
		ck_assert_ok(pthread_create(&waiters[i].thread, NULL,
					    wait_indefinitely, &waiters[i]));
	}
}

static void join_waiters(struct waiter *waiters)
{
	size_t i;

	for (i = 0; i < WAITERS; i++) {
		ck_assert_ok(pthread_join(waiters[i].thread, NULL));
		ck_assert_int_eq(waiters[i].result, -EINVAL);
	}
}

static bool is_asleep(const struct waiter *waiter)
{
	int tid = __atomic_load_n(&waiter->tid, __ATOMIC_ACQUIRE);
	char path[64], state = '?';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = tid ? fopen(path, "r") : NULL;
	if (file) {
		ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		fclose(file);
	}
	return state == 'S';
}

START_TEST(a_sleeping_waiter_gets_einval)
{
	struct waiter waiters[WAITERS];
	io_context_t ctx = libaio_context(1);
	size_t i;

	start_waiters(waiters, ctx);
	for (i = 0; i < WAITERS; i++)
		while (!is_asleep(&waiters[i]))
			sched_yield();
	ck_assert_call(io_destroy(ctx), 0);
	join_waiters(waiters);
}
END_TEST

START_TEST(a_waiter_about_to_sleep_gets_einval)
{
	struct waiter waiters[WAITERS];
	unsigned run;

	if (libaio_is_foreign())
		SKIP("libaio reads the unmapped ring");
	for (run = 0; run < 20; run++) {
		io_context_t ctx = libaio_context(1);
		size_t i;

		start_waiters(waiters, ctx);
		for (i = 0; i < run % 10 * 20; i++)
			sched_yield();
		ck_assert_call(io_destroy(ctx), 0);
		join_waiters(waiters);
	}
}
END_TEST

/* Destroyed ones stay here until they are replaced. */
static io_context_t contexts[AT_ONCE];
static bool all_gone;
static bool over;
static size_t passes[POLLERS];

static io_context_t context_at(size_t i)
{
	return __atomic_load_n(&contexts[i], __ATOMIC_ACQUIRE);
}

static void *poll_all(void *argument)
{
	size_t *own_passes = argument;

	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		bool gone = __atomic_load_n(&all_gone, __ATOMIC_ACQUIRE);
		size_t i;

		for (i = 0; i < AT_ONCE; i++) {
			struct io_event events[2];
			int ret = io_getevents(context_at(i), 0, 2, events,
					       &none);

			if (gone || ret < 0)
				ck_assert_int_eq(ret, -EINVAL);
		}
		__atomic_add_fetch(own_passes, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Until each has begun and ended one more pass. */
static void let_them_pass(void)
{
	size_t i;

	for (i = 0; i < POLLERS; i++) {
		size_t now = __atomic_load_n(&passes[i], __ATOMIC_ACQUIRE);

		while (__atomic_load_n(&passes[i], __ATOMIC_ACQUIRE) < now + 2)
			sched_yield();
	}
}

static void *destroy_one(void *ctx)
{
	ck_assert_int_eq(io_destroy(ctx), 0);
	return NULL;
}

static void new_contexts(void)
{
	size_t i;

	for (i = 0; i < AT_ONCE; i++) {
		io_context_t ctx = libaio_context(1);

		libaio_submit_good(ctx, i, i);
		__atomic_store_n(&contexts[i], ctx, __ATOMIC_RELEASE);
	}
}

static void destroy_contexts(void)
{
	pthread_t threads[AT_ONCE];
	size_t i;

	for (i = 0; i < AT_ONCE; i++)
		ck_assert_ok(pthread_create(&threads[i], NULL, destroy_one,
					    contexts[i]));
	for (i = 0; i < AT_ONCE; i++)
		ck_assert_ok(pthread_join(threads[i], NULL));
}

START_TEST(destroyed_a_thousand_times_while_others_poll)
{
	size_t otherwise = harness_is_under_valgrind() ? 100 : 1000;
	size_t runs = libaio_amount("KAIO_TEST_RUNS", otherwise);
	pthread_t pollers[POLLERS];
	size_t done, i;

	if (libaio_is_foreign())
		SKIP("libaio reads the unmapped ring");
	new_contexts();
	for (i = 0; i < POLLERS; i++)
		ck_assert_ok(pthread_create(&pollers[i], NULL, poll_all,
					    &passes[i]));
	for (done = 0; done < runs; done += AT_ONCE) {
		let_them_pass();
		destroy_contexts();
		__atomic_store_n(&all_gone, true, __ATOMIC_RELEASE);
		let_them_pass();
		__atomic_store_n(&all_gone, false, __ATOMIC_RELEASE);
		let_them_pass();
		new_contexts();
	}
	destroy_contexts();
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (i = 0; i < POLLERS; i++)
		ck_assert_ok(pthread_join(pollers[i], NULL));
}
END_TEST

Suite *suite_libaio_destroy(void)
{
	const TTest *tests[] = {
		a_sleeping_waiter_gets_einval,
		a_waiter_about_to_sleep_gets_einval,
		destroyed_a_thousand_times_while_others_poll,
	};

	return libaio_suite("libaio: destroy", tests, COUNT(tests));
}
