/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A signal handler that collects, wherever it interrupts its thread that
 * collects, too: no completion is lost, none comes twice.
 */
#include "libaio/registry.h"
#include "harness.h"
#include "trap.h"
#include "suites.h"

#include <libaio.h>

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

static void collect_one_within_the_lock(void)
{
	struct context *context = kaio_registry_find((kaio_context_t)ctx);
	uintptr_t owner = context ? context->owner : 0;

	collect_one();
	if (context && context->owner != owner)
		ck_abort_msg("it is another's");
	locked += owner != 0;
}

START_TEST(a_handler_anywhere_leaves_the_lock_as_it_was)
{
	SKIP_IF_NO_TRAP();
	begin();
	interrupt_everywhere(collect_one_within_the_lock);
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

START_TEST(a_handler_anywhere_collects_a_whole_ring)
{
	SKIP_IF_NO_TRAP();
	begin();
	interrupt_everywhere(collect_a_lap);
	all_came_once(submitted);
}
END_TEST

START_TEST(a_handler_anywhere_waits_for_a_whole_ring)
{
	SKIP_IF_NO_TRAP();
	begin();
	interrupt_everywhere(wait_for_a_lap);
	all_came_once(submitted);
}
END_TEST

Suite *suite_libaio_handlers(void)
{
	const TTest *tests[] = {
		a_handler_anywhere_collects,
		a_handler_anywhere_leaves_the_lock_as_it_was,
		a_handler_anywhere_waits,
		a_handler_anywhere_collects_a_whole_ring,
		a_handler_anywhere_waits_for_a_whole_ring,
	};

	return harness_both_ways("libaio-handlers", tests, COUNT(tests));
}
