/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What the drop-in's lock is for: completions that several threads collect, and
 * signal handlers, and a thread that destroys the context; none lost, none
 * twice.
 */
#include "harness.h"

#include <libaio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define OPERATIONS 200000
#define SUBMITTERS 2
#define COLLECTORS 4

static io_context_t ctx;
static int ready; /* a file whose poll completes at once */
static unsigned char collected[OPERATIONS];
static unsigned nr_collected;

static void begin(int maxevents)
{
	ctx = NULL;
	ready = open("/dev/zero", O_RDONLY);
	ck_assert_ok(io_setup(maxevents, &ctx));
}

static int submit(size_t operation)
{
	struct iocb iocb;
	struct iocb *list[] = { &iocb };

	io_prep_poll(&iocb, ready, POLLIN);
	iocb.data = (void *)operation;
	return io_submit(ctx, 1, list);
}

static void count(const struct io_event *events, int nr)
{
	while (nr-- > 0)
		__atomic_fetch_add(&collected[(size_t)events++->data], 1,
				   __ATOMIC_RELAXED);
}

/* Check writes a line for each assertion, which is too much for each of them.
 */
static void all_came_once(size_t operations)
{
	size_t i;

	for (i = 0; i < operations; i++)
		if (collected[i] != 1)
			ck_abort_msg("operation %zu came %d times", i,
				     collected[i]);
}

static void *submitter(void *argument)
{
	size_t i;

	for (i = (size_t)argument; i < OPERATIONS; i += SUBMITTERS) {
		int ret;

		while ((ret = submit(i)) == -EAGAIN)
			sched_yield();
		ck_assert_int_eq(ret, 1);
	}
	return NULL;
}

/* Each waits in its own way: not at all, for a moment, for many. */
static void *collector(void *argument)
{
	const size_t own = (size_t)argument;
	unsigned seed = (unsigned)own;

	while (__atomic_load_n(&nr_collected, __ATOMIC_RELAXED) < OPERATIONS) {
		struct timespec timeout = { 0, own ? (long)own * 20000 : 0 };
		struct io_event events[8];
		long min = 1 + rand_r(&seed) % (long)(own + 1);
		int nr = io_getevents(ctx, min, 8, events, &timeout);

		ck_assert(nr >= 0 || nr == -EINTR);
		count(events, nr);
		if (nr > 0)
			__atomic_fetch_add(&nr_collected, (unsigned)nr,
					   __ATOMIC_RELAXED);
	}
	return NULL;
}

START_TEST(threads_collect_from_one_context)
{
	pthread_t threads[SUBMITTERS + COLLECTORS];
	size_t i;

	begin(64);
	for (i = 0; i < COUNT(threads); i++)
		ck_assert_ok(pthread_create(
			threads + i, NULL,
			i < SUBMITTERS ? submitter : collector,
			(void *)(i < SUBMITTERS ? i : i - SUBMITTERS)));
	for (i = 0; i < COUNT(threads); i++)
		ck_assert_ok(pthread_join(threads[i], NULL));
	all_came_once(OPERATIONS);
}
END_TEST

static bool destroyed;

static void *poller(void *argument)
{
	struct timespec none = { 0, 0 };
	struct io_event events[4];
	int ret;

	do {
		ret = io_getevents(ctx, 1, 4, events, &none);
	} while (ret >= 0);
	ck_assert_int_eq(ret, -EINVAL);
	ck_assert(__atomic_load_n(&destroyed, __ATOMIC_RELAXED));
	return argument;
}

START_TEST(a_context_is_destroyed_under_callers_that_do_not_wait)
{
	int run;

	for (run = 0; run < 50; run++) {
		pthread_t threads[3];
		size_t i;

		destroyed = false;
		begin(16);
		for (i = 0; i < COUNT(threads); i++)
			ck_assert_ok(pthread_create(threads + i, NULL, poller,
						    NULL));
		for (i = 0; i < (size_t)run; i++)
			ck_assert_int_eq(submit(i), 1);
		__atomic_store_n(&destroyed, true, __ATOMIC_RELAXED);
		ck_assert_ok(io_destroy(ctx));
		for (i = 0; i < COUNT(threads); i++)
			ck_assert_ok(pthread_join(threads[i], NULL));
		close(ready);
	}
}
END_TEST

#if defined(__x86_64__) || defined(__i386__)
/* The processor's trap flag: a SIGTRAP after each instruction. */
#ifdef __x86_64__
#define FLAGS "q"
#else
#define FLAGS "l"
#endif
#define TRAP_ON()                                                          \
	__asm__ volatile("pushf\n\tor" FLAGS " $0x100, (%%" SP ")\n\tpopf" \
			 :                                                 \
			 :                                                 \
			 : "memory", "cc")
#define TRAP_OFF()                                                           \
	__asm__ volatile("pushf\n\tand" FLAGS " $~0x100, (%%" SP ")\n\tpopf" \
			 :                                                   \
			 :                                                   \
			 : "memory", "cc")
#ifdef __x86_64__
#define SP "rsp"
#else
#define SP "esp"
#endif

static unsigned step;
static unsigned stop_at;
static void (*at_stop)(void);
static size_t submitted;

static void on_trap(int number)
{
	(void)number;
	if (++step == stop_at)
		at_stop();
}

static void collect_one(void)
{
	struct timespec none = { 0, 0 };
	struct io_event event;

	count(&event, io_getevents(ctx, 0, 1, &event, &none));
}

static void wait_for_two(void)
{
	struct timespec timeout = { 0, 100000 };
	struct io_event events[2];

	count(events, io_getevents(ctx, 2, 2, events, &timeout));
}

static unsigned ring_size(void)
{
	return ((const unsigned *)ctx)[1];
}

/* Afterwards head is where it was, or would be. */
static void collect_a_lap(void)
{
	unsigned i;

	for (i = 0; i < ring_size(); i++) {
		ck_assert_int_eq(submit(submitted++), 1);
		collect_one();
	}
}

static void wait_for_a_lap(void)
{
	struct timespec timeout = { 0, 100000 };
	unsigned i;

	for (i = 0; i < ring_size(); i++) {
		struct io_event events[2];

		ck_assert_int_eq(submit(submitted++), 1);
		count(events, io_getevents(ctx, 1, 1, events, &timeout));
	}
}

/*
 * The handler comes at the first instruction of a call, in another call at the
 * second, and so on to the last: whatever it interrupts, it has.
 */
static void interrupt_everywhere(void (*action)(void))
{
	struct sigaction trap = { .sa_handler = on_trap };
	struct sigaction before;
	struct timespec none = { 0, 0 };
	struct io_event events[4];
	int ret;

	begin(16);
	at_stop = action;
	submitted = 0;
	ck_assert_ok(sigaction(SIGTRAP, &trap, &before));
	for (stop_at = 1; submitted < OPERATIONS - 2000; stop_at++) {
		int i;

		for (i = 0; i < 3; i++)
			ck_assert_int_eq(submit(submitted++), 1);
		step = 0;
		TRAP_ON();
		ret = io_getevents(ctx, 1, 2, events, &none);
		TRAP_OFF();
		ck_assert_int_ge(ret, 0);
		count(events, ret);
		while ((ret = io_getevents(ctx, 0, 4, events, &none)) > 0)
			count(events, ret);
		ck_assert_int_eq(ret, 0);
		all_came_once(submitted);
		if (step < stop_at)
			break;
	}
	ck_assert_ok(sigaction(SIGTRAP, &before, NULL));
	ck_assert_uint_gt(stop_at, 50);
	ck_assert_uint_lt(step, stop_at);
}
#else
static void collect_one(void)
{
}

#define wait_for_two collect_one
#define collect_a_lap collect_one
#define wait_for_a_lap collect_one

static void interrupt_everywhere(void (*action)(void))
{
	(void)action;
	SKIP("no trap flag on this architecture");
}
#endif

#define SKIP_UNDER_VALGRIND()                              \
	do {                                               \
		if (harness_is_under_valgrind())           \
			SKIP("Valgrind has no trap flag"); \
	} while (0)

START_TEST(a_handler_anywhere_collects)
{
	SKIP_UNDER_VALGRIND();
	interrupt_everywhere(collect_one);
}
END_TEST

START_TEST(a_handler_anywhere_waits)
{
	SKIP_UNDER_VALGRIND();
	interrupt_everywhere(wait_for_two);
}
END_TEST

START_TEST(a_handler_anywhere_collects_a_whole_ring)
{
	SKIP_UNDER_VALGRIND();
	interrupt_everywhere(collect_a_lap);
}
END_TEST

START_TEST(a_handler_anywhere_waits_for_a_whole_ring)
{
	SKIP_UNDER_VALGRIND();
	interrupt_everywhere(wait_for_a_lap);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		threads_collect_from_one_context,
		a_context_is_destroyed_under_callers_that_do_not_wait,
		a_handler_anywhere_collects,
		a_handler_anywhere_waits,
		a_handler_anywhere_collects_a_whole_ring,
		a_handler_anywhere_waits_for_a_whole_ring,
	};

	return harness_run_both_ways("libaio-lock", tests, COUNT(tests));
}
