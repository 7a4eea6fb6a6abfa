/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: programs that use the ring and raw system calls. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define NR 32

static struct timespec none;

static int raw_setup(unsigned nr, io_context_t *ctx)
{
	return (int)syscall(SYS_io_setup, nr, ctx);
}

/* fio with userspace_reap: one at a time, head after each. */
static int reap_as_fio(io_context_t ctx, struct io_event *events, int max)
{
	struct libaio_ring *ring = libaio_ring(ctx);
	int n;

	for (n = 0; n < max; n++) {
		unsigned head = ring->head;

		if (head == __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE))
			break;
		events[n] = ring->events[head];
		__atomic_store_n(&ring->head, (head + 1) % ring->nr,
				 __ATOMIC_RELEASE);
	}
	return n;
}

/* QEMU: in place, and head once, up to the end of the ring. */
static int reap_as_qemu(io_context_t ctx, struct io_event *events, int max)
{
	struct libaio_ring *ring = libaio_ring(ctx);
	unsigned tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	unsigned head = ring->head;
	unsigned n = (tail >= head ? tail : ring->nr) - head;

	if (n > (unsigned)max)
		n = (unsigned)max;
	memcpy(events, &ring->events[head], n * sizeof(*events));
	__atomic_store_n(&ring->head, (head + n) % ring->nr, __ATOMIC_RELEASE);
	return (int)n;
}

static int reap_by_library(io_context_t ctx, struct io_event *events, int max)
{
	return io_getevents(ctx, 0, max, events, &none);
}

/* All operations have completed before: it never sleeps. */
static int reap_by_waiting(io_context_t ctx, struct io_event *events, int max)
{
	struct libaio_ring *ring = libaio_ring(ctx);
	unsigned ready = (ring->tail + ring->nr - ring->head) % ring->nr;

	if (ready > (unsigned)max)
		ready = (unsigned)max;
	return io_getevents(ctx, (long)ready, max, events, NULL);
}

static int reap_by_pgetevents(io_context_t ctx, struct io_event *events,
			      int max)
{
	return io_pgetevents(ctx, 0, max, events, NULL, NULL);
}

static int reap_by_raw_call(io_context_t ctx, struct io_event *events, int max)
{
#ifdef SYS_io_getevents
	return (int)syscall(SYS_io_getevents, ctx, 0L, (long)max, events, NULL);
#else
	return reap_by_pgetevents(ctx, events, max);
#endif
}

typedef int (*reaper)(io_context_t ctx, struct io_event *events, int max);

static const reaper reapers[] = {
	reap_as_fio,	 reap_as_qemu,	     reap_by_library,
	reap_by_waiting, reap_by_pgetevents, reap_by_raw_call,
};

/* Every way to reap after every other, at every index of the ring. */
static void reap_in_turns(io_context_t ctx)
{
	struct io_event events[NR];
	struct tally tally;
	unsigned turn = 0;
	size_t submitted = 0;

	tally_begin(&tally, 5000);
	while (tally_total(&tally) < tally.nr) {
		size_t room = NR - (submitted - tally_total(&tally));
		size_t nr = turn * 7 % (room + 1);
		int max = 1 + (int)(turn * 5 % NR);
		int ret;

		if (nr > tally.nr - submitted)
			nr = tally.nr - submitted;
		libaio_submit_good(ctx, submitted, nr);
		submitted += nr;
		ret = reapers[turn * 11 / 3 % COUNT(reapers)](ctx, events, max);
		ck_assert_int_ge(ret, 0);
		ck_assert_int_le(ret, max);
		tally_add(&tally, events, ret);
		turn++;
	}
	tally_end(&tally);
}

START_TEST(readers_of_the_ring_and_calls_take_turns)
{
	io_context_t ctx = libaio_context(NR);

	if (harness_is_under_valgrind())
		SKIP("valgrind does not know that the kernel writes to the "
		     "ring");
	reap_in_turns(ctx);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

static int reap_one_by_waiting(io_context_t ctx, struct io_event *events,
			       int max)
{
	return io_getevents(ctx, 1, max, events, NULL);
}

/* It leaves head at nr until it reads the next. */
START_TEST(a_reader_that_wraps_late_hides_nothing)
{
	static const reaper calls[] = { reap_by_library, reap_one_by_waiting,
					reap_by_pgetevents, reap_by_raw_call };
	size_t i;

	if (harness_is_under_valgrind())
		SKIP("valgrind does not know that the kernel writes to the "
		     "ring");
	for (i = 0; i < COUNT(calls); i++) {
		io_context_t ctx = libaio_context(NR);
		struct libaio_ring *ring = libaio_ring(ctx);
		struct io_event event;

		while (ring->head < ring->nr) {
			libaio_submit_good(ctx, 0, 1);
			__atomic_store_n(&ring->head, ring->head + 1,
					 __ATOMIC_RELEASE);
		}
		libaio_submit_good(ctx, 42, 1);
		ck_assert_int_eq(calls[i](ctx, &event, 1), 1);
		ck_assert_uint_eq((size_t)event.data, 42);
		ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), 0);
		ck_assert_call(io_destroy(ctx), 0);
	}
}
END_TEST

START_TEST(a_context_set_up_by_a_raw_call_works)
{
	io_context_t ctx = NULL;

	if (harness_is_under_valgrind())
		SKIP("valgrind does not know that the kernel writes to the "
		     "ring");
	ck_assert_ok(raw_setup(NR, &ctx));
	reap_in_turns(ctx);
	ck_assert_call(io_destroy(ctx), 0);
	ck_assert_call(io_submit(ctx, 0, NULL), -EINVAL);
}
END_TEST

/* The kernel usually uses the old address again, for another size. */
START_TEST(a_context_at_the_address_of_an_old_one_works)
{
	io_context_t ctx = libaio_context(NR);

	if (harness_is_under_valgrind())
		SKIP("valgrind does not know that the kernel writes to the "
		     "ring");
	libaio_submit_good(ctx, 1000000, 3);
	ck_assert_ok(libaio_raw_destroy(ctx));
	ctx = NULL;
	ck_assert_ok(raw_setup(NR, &ctx));
	reap_in_turns(ctx);
	libaio_submit_good(ctx, 1000000, 3);
	ck_assert_ok(libaio_raw_destroy(ctx));
	ctx = libaio_context(NR);
	reap_in_turns(ctx);
	libaio_submit_good(ctx, 1000000, 3);
	ck_assert_call(io_destroy(ctx), 0);
	ctx = libaio_context(NR);
	reap_in_turns(ctx);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* Moves the ring, and with it the context's handle. */
static io_context_t move(io_context_t ctx)
{
	size_t size = libaio_ring_size(ctx);
	void *place = fixture_buffer(size);

	ck_assert_ptr_eq(
		mremap(ctx, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place),
		place);
	return place;
}

START_TEST(a_moved_ring_works_at_its_new_address)
{
	io_context_t old = libaio_context(NR);
	io_context_t moved, new;
	struct io_event events[4];
	int i;

	if (harness_is_under_valgrind())
		SKIP("valgrind does not know that the kernel writes to the "
		     "ring");
	libaio_submit_good(old, 0, 3);
	moved = move(old);
	ck_assert_call(io_getevents(moved, 1, 4, events, &none), 3);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq((size_t)events[i].data, (size_t)i);
	reap_in_turns(moved);
	if (!libaio_is_foreign())
		libaio_refused_by_all(old);
	new = libaio_context(NR);
	reap_in_turns(new);
	reap_in_turns(moved);
	ck_assert_call(io_destroy(moved), 0);
	reap_in_turns(new);
	ck_assert_call(io_destroy(new), 0);
}
END_TEST

START_TEST(more_contexts_than_have_places_all_work)
{
	static io_context_t contexts[3000];
	struct io_event events[2];
	struct timespec second = { 1, 0 };
	size_t nr, i;

	for (nr = 0; nr < COUNT(contexts); nr++) {
		int ret = CALL(io_setup(1, &contexts[nr]));

		if (ret == -EAGAIN)
			break;
		ck_assert_int_eq(ret, 0);
		libaio_submit_good(contexts[nr], nr, 1);
	}
	if (nr < COUNT(contexts))
		SKIP("fs.aio-max-nr leaves only %zu contexts", nr);
	for (i = 0; i < nr; i++) {
		struct timespec *timeout = i % 2 ? &none : &second;

		ck_assert_call(io_getevents(contexts[i], 1, 2, events, timeout),
			       1);
		ck_assert_uint_eq((size_t)events[0].data, i);
		ck_assert_call(io_getevents(contexts[i], 0, 2, events, timeout),
			       0);
	}
	/* To destroy each takes 30 ms; exit destroys all at once. */
}
END_TEST

Suite *suite_libaio_ring(void)
{
	const TTest *tests[] = {
		readers_of_the_ring_and_calls_take_turns,
		a_reader_that_wraps_late_hides_nothing,
		a_context_set_up_by_a_raw_call_works,
		a_context_at_the_address_of_an_old_one_works,
		a_moved_ring_works_at_its_new_address,
		more_contexts_than_have_places_all_work,
	};

	return libaio_suite("libaio: ring", tests, COUNT(tests));
}
