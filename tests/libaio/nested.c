/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A signal handler that interrupted its thread with one context's lock, and
 * collects from that context or another.
 */
#include "libaio/registry.h"
#include "faults.h"
#include "harness.h"
#include "trap.h"
#include "suites.h"

#include <libaio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec none;
static io_context_t contexts[2];

static struct context *place(size_t i)
{
	return kaio_registry_find((kaio_context_t)contexts[i]);
}

/* A failure is a deadlock. */
static void begin(void)
{
	int ready = open("/dev/zero", O_RDONLY);
	size_t i;

	alarm(20);
	for (i = 0; i < COUNT(contexts); i++) {
		struct iocb iocb;
		struct iocb *list[] = { &iocb };

		contexts[i] = NULL;
		ck_assert_ok(io_setup(16, &contexts[i]));
		io_prep_poll(&iocb, ready, POLLIN);
		ck_assert_int_eq(io_submit(contexts[i], 1, list), 1);
	}
}

START_TEST(it_does_not_sleep_for_either)
{
	struct timespec second = { 1, 0 };
	struct context *other;
	struct io_event event;

	begin();
	if (!harness_has_ring())
		SKIP("there is no lock without the ring");
	other = place(1);
	ck_assert(context_lock(place(0), false));
	ck_assert(!context_lock(place(0), false));
	ck_assert(!context_lock(place(0), true));
	ck_assert_int_eq(io_getevents(contexts[0], 1, 1, &event, &none), 0);
	ck_assert_int_eq(io_getevents(contexts[0], 1, 1, &event, NULL), -EINTR);
	__atomic_store_n(&other->owner, (uintptr_t)other, __ATOMIC_RELAXED);
	ck_assert_int_eq(io_getevents(contexts[1], 1, 1, &event, &none), 0);
	ck_assert_int_eq(io_queue_run(contexts[1]), 0);
	ck_assert_int_eq(io_getevents(contexts[1], 1, 1, &event, &second),
			 -EINTR);
	ck_assert_int_eq(io_getevents(contexts[1], 1, 1, &event, NULL), -EINTR);
	ck_assert_int_eq(io_getevents(contexts[1], 0, 1, &event, NULL), 0);
	ck_assert_uint_eq(other->owner, (uintptr_t)other);
	__atomic_store_n(&other->owner, 0, __ATOMIC_RELAXED);
	ck_assert_int_eq(io_getevents(contexts[1], 1, 1, &event, NULL), 1);
	context_unlock(place(0));
	ck_assert_int_eq(io_getevents(contexts[0], 1, 1, &event, &none), 1);
}
END_TEST

/* A raw io_destroy, of which it learns by a call that fails. */
START_TEST(it_does_not_sleep_to_forget_a_context)
{
	struct context *other;

	begin();
	if (!harness_has_ring())
		SKIP("there is no lock without the ring");
	other = place(1);
	ck_assert_ok(kaio_destroy((kaio_context_t)contexts[1]));
	ck_assert(context_lock(place(0), false));
	__atomic_store_n(&other->owner, (uintptr_t)other, __ATOMIC_RELAXED);
	ck_assert_int_eq(io_submit(contexts[1], 0, NULL), -EINVAL);
	ck_assert_ptr_eq(place(1), other);
	__atomic_store_n(&other->owner, 0, __ATOMIC_RELAXED);
	ck_assert_int_eq(io_submit(contexts[1], 0, NULL), -EINVAL);
	ck_assert_ptr_null(place(1));
	context_unlock(place(0));
}
END_TEST

static unsigned arrived;
static _Thread_local size_t own;
static _Thread_local bool polled;

/* Returns when the other thread has called it as often. */
static void rendezvous(unsigned times)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&arrived, __ATOMIC_RELAXED) < 2 * times)
		sched_yield();
}

/* Once in a thread, with its lock and while the other thread has its own. */
static void poll_the_other(void)
{
	struct io_event event;

	if (place(own)->owner != (uintptr_t)pthread_self())
		return;
	rendezvous(1);
	if (io_getevents(contexts[!own], 0, 1, &event, &none) != 0)
		ck_abort_msg("it had the other's lock");
	rendezvous(2);
	polled = true;
}

static void *step_through(void *argument)
{
	unsigned stop_at;

	own = (size_t)argument;
	trap_begin(poll_the_other);
	for (stop_at = 1; !polled && stop_at < 10000; stop_at += 5) {
		struct io_event event;

		TRAPPED(stop_at,
			(void)io_getevents(contexts[own], 1, 0, &event, &none));
	}
	ck_assert(polled);
	return NULL;
}

START_TEST(two_that_collect_from_each_others_go_on)
{
	pthread_t threads[2];
	struct io_event event;
	size_t i;

	begin();
	SKIP_IF_NO_TRAP();
	if (!harness_has_ring())
		SKIP("there is no lock without the ring");
	arrived = 0;
	for (i = 0; i < COUNT(threads); i++)
		ck_assert_ok(pthread_create(&threads[i], NULL, step_through,
					    (void *)i));
	for (i = 0; i < COUNT(threads); i++)
		ck_assert_ok(pthread_join(threads[i], NULL));
	for (i = 0; i < COUNT(contexts); i++)
		ck_assert_int_eq(io_getevents(contexts[i], 1, 1, &event, NULL),
				 1);
}
END_TEST

static bool in_ring, asleep, out_of_ring;

static int note_sleep(long number, long *arguments)
{
	(void)arguments;
	if (number == SYS_futex)
		__atomic_store_n(&asleep, true, __ATOMIC_RELAXED);
	return 0;
}

static void *stay_in_the_ring(void *argument)
{
	struct context *context = argument;

	ck_assert(context_lock(context, false));
	__atomic_store_n(&in_ring, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&asleep, __ATOMIC_RELAXED))
		sched_yield();
	__atomic_store_n(&out_of_ring, true, __ATOMIC_RELAXED);
	context_unlock(context);
	return NULL;
}

/* Else the other thread would read a ring that is gone. It does not spin. */
START_TEST(destroying_the_other_sleeps_for_its_lock)
{
	pthread_t thread;

	begin();
	if (!harness_has_ring())
		SKIP("there is no lock without the ring");
	in_ring = asleep = out_of_ring = false;
	faults_before_call(note_sleep);
	ck_assert_ok(pthread_create(&thread, NULL, stay_in_the_ring, place(1)));
	while (!__atomic_load_n(&in_ring, __ATOMIC_ACQUIRE))
		sched_yield();
	ck_assert(context_lock(place(0), false));
	ck_assert_ok(io_destroy(contexts[1]));
	ck_assert(__atomic_load_n(&out_of_ring, __ATOMIC_RELAXED));
	context_unlock(place(0));
	ck_assert_ok(pthread_join(thread, NULL));
}
END_TEST

START_TEST(destroying_its_own_does_not_wait)
{
	struct context *first;

	begin();
	first = place(0);
	if (!first)
		SKIP("there is no lock without the ring");
	ck_assert(context_lock(first, false));
	ck_assert_int_eq(io_destroy(contexts[0]), 0);
	ck_assert_ptr_null(place(0));
	context_unlock(first);
	ck_assert_uint_eq(first->owner, 0);
}
END_TEST

Suite *suite_libaio_nested(void)
{
	const TTest *tests[] = {
		it_does_not_sleep_for_either,
		it_does_not_sleep_to_forget_a_context,
		two_that_collect_from_each_others_go_on,
		destroying_the_other_sleeps_for_its_lock,
		destroying_its_own_does_not_wait,
	};

	return harness_both_ways("libaio-nested", tests, COUNT(tests));
}
