/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A signal handler that collects, at each instruction of a call that collects:
 * nothing is lost, nothing is delivered twice, and with the lock held the
 * handler finds nothing.
 */
#include "libaio/registry.h"
#include "harness.h"
#include "trap.h"
#include "suites.h"

#include <libaio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>

#define OPERATIONS 200000

static io_context_t ctx;
static int ready; /* a file whose poll completes at once */
static unsigned char collected[OPERATIONS];
static size_t submitted;
static unsigned locked;

static void begin(void)
{
	ctx = NULL;
	ready = open("/dev/zero", O_RDONLY);
	ck_assert_ok(io_setup(16, &ctx));
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
		collected[(size_t)events++->data]++;
}

/* Not an assertion each: Check writes a line for every one. */
static void all_came_once(size_t operations)
{
	size_t i;

	for (i = 0; i < operations; i++)
		if (collected[i] != 1)
			ck_abort_msg("operation %zu came %d times", i,
				     collected[i]);
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

/* At the first instruction of a call, the second of the next, to the last. */
static void interrupt_everywhere(void (*action)(void))
{
	unsigned stop_at;
	struct timespec none = { 0, 0 };
	struct io_event events[4];
	int ret;

	submitted = 0;
	trap_begin(action);
	for (stop_at = 1; submitted < OPERATIONS - 2000;
	     stop_at += TRAP_STRIDE) {
		int i;

		for (i = 0; i < 3; i++)
			ck_assert_int_eq(submit(submitted++), 1);
		TRAPPED(stop_at, ret = io_getevents(ctx, 1, 2, events, &none));
		ck_assert_int_ge(ret, 0);
		count(events, ret);
		while ((ret = io_getevents(ctx, 0, 4, events, &none)) > 0)
			count(events, ret);
		ck_assert_int_eq(ret, 0);
		if (trap_step < stop_at)
			break;
	}
	ck_assert_uint_gt(stop_at, 50);
	ck_assert_uint_lt(trap_step, stop_at);
}

START_TEST(a_handler_anywhere_collects)
{
	SKIP_IF_NO_TRAP();
	begin();
	interrupt_everywhere(collect_one);
	all_came_once(submitted);
}
END_TEST

static void collect_in_every_way(void)
{
	struct context *context = kaio_registry_find((kaio_context_t)ctx);
	uintptr_t owner = context ? context->owner : 0;
	struct timespec none = { 0, 0 };
	struct timespec timeout = { 0, 1 };
	struct io_event events[4];
	int results[] = {
		io_getevents(ctx, 0, 1, events, &none),
		io_getevents(ctx, 0, 1, events + 1, NULL),
		io_getevents(ctx, 1, 1, events + 2, &timeout),
		io_pgetevents(ctx, 1, 1, events + 3, &none, NULL),
	};
	size_t i;

	for (i = 0; i < COUNT(results); i++) {
		int nothing = i == 2 ? -EINTR : 0;

		count(events + i, results[i]);
		if (owner && results[i] != nothing)
			ck_abort_msg("%zu: %d with the lock", i, results[i]);
	}
	if (context && context->owner != owner)
		ck_abort_msg("the lock has another owner");
	locked += owner != 0;
}

START_TEST(a_handler_finds_nothing_while_its_thread_has_the_lock)
{
	SKIP_IF_NO_TRAP();
	begin();
	interrupt_everywhere(collect_in_every_way);
	ck_assert_uint_eq(locked > 0, harness_has_ring());
	all_came_once(submitted);
}
END_TEST

START_TEST(a_handler_anywhere_waits)
{
	SKIP_IF_NO_TRAP();
	begin();
	interrupt_everywhere(wait_for_two);
	all_came_once(submitted);
}
END_TEST

Suite *suite_libaio_handlers(void)
{
	const TTest *tests[] = {
		a_handler_anywhere_collects,
		a_handler_finds_nothing_while_its_thread_has_the_lock,
		a_handler_anywhere_waits,
	};

	return harness_both_ways("libaio-handlers", tests, COUNT(tests));
}
