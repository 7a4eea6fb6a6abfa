/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: which system calls it makes, and how many. */
#include "libaio/registry.h"
#include "calls.h"
#include "faults.h"
#include "suites.h"

#include <libaio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static struct timespec none;
static struct timespec shortly = { 0, 1000000 };

static io_context_t context(void)
{
	io_context_t ctx = NULL;

	ck_assert_call(io_setup(1, &ctx), 0);
	return ctx;
}

static bool is_known(io_context_t ctx)
{
	return kaio_registry_find((kaio_context_t)ctx);
}

START_TEST(unknown_contexts_are_polled_by_one_call_each)
{
	static io_context_t contexts[3000];
	struct io_event event;
	unsigned unknown = 0;
	size_t nr, i;

	for (nr = 0; nr < COUNT(contexts); nr++) {
		if (CALL(io_setup(1, &contexts[nr])) != 0)
			break;
		unknown += !is_known(contexts[nr]);
	}
	if (nr < COUNT(contexts))
		SKIP("fs.aio-max-nr leaves only %zu contexts", nr);
	ck_assert_uint_gt(unknown, 1000);
	faults_reset();
	for (i = 0; i < nr; i++)
		ck_assert_call(io_getevents(contexts[i], 0, 1, &event, &none),
			       0);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), unknown);
	ck_assert_uint_eq(faults_calls(SYS_io_submit), 0);
	/* To destroy each takes 30 ms; exit destroys all at once. */
}
END_TEST

/* A poll that completes at once. */
static void submit_good(io_context_t ctx)
{
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	int ready = open("/dev/zero", O_RDONLY);

	io_prep_poll(&iocb, ready, POLLIN);
	ck_assert_call(io_submit(ctx, 1, list), 1);
	ck_assert_ok(close(ready));
}

/* How many system calls it takes to collect one completion that is there. */
static unsigned calls_to_collect(io_context_t ctx)
{
	unsigned before = faults_calls(SYS_io_getevents);
	struct io_event event;

	submit_good(ctx);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), 1);
	return faults_calls(SYS_io_getevents) - before;
}

START_TEST(after_a_wait_in_the_kernel_the_ring_is_read_again)
{
	const unsigned expected = harness_has_ring() ? 0 : 1;
	io_context_t ctx = context();
	struct io_event event;

	ck_assert_uint_eq(calls_to_collect(ctx), expected);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &shortly), 0);
	ck_assert_uint_eq(calls_to_collect(ctx), expected);
	faults_fail(SYS_io_getevents, EINTR, 1);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), -EINTR);
	ck_assert_uint_eq(calls_to_collect(ctx), expected);
	ck_assert_call(io_getevents(ctx, 2, 1, &event, NULL), -EINVAL);
	ck_assert_uint_eq(calls_to_collect(ctx), expected);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

static io_context_t *replaced;

/* As another thread may, while this one is in the kernel. */
static void replace_context(void)
{
	io_context_t *ctx = replaced;

	faults_before_getevents(NULL);
	ck_assert_call(io_destroy(*ctx), 0);
	*ctx = context();
	ck_assert_uint_eq(calls_to_collect(*ctx), harness_has_ring() ? 0 : 1);
}

START_TEST(a_call_in_the_kernel_does_not_count_for_the_next_context)
{
	io_context_t ctx = context();
	struct io_event event;
	int ret;

	replaced = &ctx;
	faults_before_getevents(replace_context);
	ret = CALL(io_getevents(ctx, 1, 1, &event, &shortly));
	ck_assert(ret == -EINVAL || ret == 0);
	ck_assert_uint_eq(calls_to_collect(ctx), harness_has_ring() ? 0 : 1);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* Known contexts are rechecked, at most four in each call, once in all. */
static void costs_rechecks(unsigned known)
{
	io_context_t ctx = (io_context_t)new_context(1);
	unsigned left = harness_has_ring() ? known : 0;
	struct io_event event;
	unsigned i;

	for (i = 0; i < known; i++) {
		unsigned expected = left > 4 ? 4 : left;

		faults_reset();
		ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), 0);
		ck_assert_uint_eq(faults_calls(SYS_io_submit), expected);
		left -= expected;
		expected = left > 4 ? 4 : left;
		faults_reset();
		ck_assert_call(io_submit(ctx, 0, NULL), 0);
		ck_assert_uint_eq(faults_calls(SYS_io_submit), 1 + expected);
		left -= expected;
	}
	ck_assert_uint_eq(left, 0);
}

START_TEST(an_unknown_handle_costs_few_calls_and_soon_none)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		context();
	costs_rechecks(3);
	for (i = 0; i < 6; i++)
		context();
	costs_rechecks(9);
}
END_TEST

/* More than have places; then half of the known ones are forgotten. */
START_TEST(contexts_that_found_no_place_cost_no_other_calls)
{
	enum {
		NR = 1500
	};
	static io_context_t contexts[NR];
	struct io_event event;
	unsigned round, i;

	for (i = 0; i < NR; i++)
		if (CALL(io_setup(1, &contexts[i])) != 0)
			SKIP("fs.aio-max-nr leaves only %u contexts", i);
	/* Without io_destroy, which takes 30 ms each. */
	for (i = 0; i < NR / 2; i++)
		kaio_registry_remove((kaio_context_t)contexts[i]);
	faults_reset();
	for (round = 0; round < 4; round++)
		for (i = NR / 2; i < NR; i++)
			ck_assert_call(io_getevents(contexts[i], 0, 1, &event,
						    &shortly),
				       0);
	ck_assert_uint_eq(faults_calls(SYS_io_submit), 0);
}
END_TEST

/* So many that one bucket is too small for those that hash to it. */
static char rings[2048][4096] __attribute__((aligned(4096)));

static kaio_context_t ring_at(size_t i)
{
	const struct kaio_ring_header header = {
		.magic = KAIO_RING_MAGIC,
		.header_length = sizeof(header),
		.nr = 2,
	};

	memcpy(rings[i], &header, sizeof(header));
	return (kaio_context_t)rings[i];
}

/* Its bucket, while that is empty. */
static struct context *first_place(kaio_context_t handle)
{
	struct context *place;

	kaio_registry_add(handle);
	place = kaio_registry_find(handle);
	kaio_registry_remove(handle);
	return place;
}

START_TEST(a_context_is_put_nowhere_but_where_it_is_looked_for)
{
	struct context *bucket = first_place(ring_at(0));
	kaio_context_t handles[9];
	size_t nr = 0;
	size_t i;

	if (!harness_has_ring())
		SKIP("no context is known without the ring");
	for (i = 0; i < COUNT(rings) && nr < COUNT(handles); i++) {
		handles[nr] = ring_at(i);
		nr += first_place(handles[nr]) == bucket;
	}
	ck_assert_uint_eq(nr, COUNT(handles));
	for (i = 0; i < nr; i++)
		kaio_registry_add(handles[i]);
	for (i = 0; i < nr - 1; i++)
		ck_assert_ptr_eq(kaio_registry_find(handles[i]), bucket + i);
	ck_assert_ptr_null(kaio_registry_find(handles[i]));
	ck_assert_uint_eq(bucket[i].handle, 0);
}
END_TEST

/* A copy with an event, and one field that differs. */
static void put_another_ring_there(io_context_t ctx, size_t field)
{
	unsigned *ring = (unsigned *)ctx;
	size_t size = (ring[1] + 1) * sizeof(struct io_event);
	unsigned *copy = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(copy, MAP_FAILED);
	memcpy(copy, ring, size);
	copy[3] = 1;
	copy[field]++;
	ck_assert_ok(kaio_destroy((kaio_context_t)ctx));
	ck_assert_ptr_eq(
		mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, ctx),
		ctx);
}

START_TEST(another_ring_at_its_address_is_left_to_the_kernel)
{
	static const size_t fields[] = { 0 /* id */, 1 /* nr */,
					 4 /* magic */ };
	size_t i;

	for (i = 0; i < COUNT(fields); i++) {
		io_context_t ctx = context();
		struct io_event event;

		put_another_ring_there(ctx, fields[i]);
		ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), -EINVAL);
	}
}
END_TEST

START_TEST(a_ring_of_another_format_is_left_to_the_kernel)
{
	io_context_t ctx;

	faults_other_ring(true);
	ctx = context();
	ck_assert_uint_eq(calls_to_collect(ctx), 1);
	faults_other_ring(false);
	ctx = context();
	ck_assert_uint_eq(calls_to_collect(ctx), harness_has_ring() ? 0 : 1);
}
END_TEST

START_TEST(what_is_out_of_range_is_left_to_the_kernel)
{
	io_context_t ctx = context();
	struct io_event event;
	struct kaio_ring ring;

	ck_assert_call(io_getevents(ctx, -1, 1, &event, &shortly), -EINVAL);
	if (kaio_ring_attach(&ring, (kaio_context_t)ctx) < 0)
		SKIP("there is no ring here");
	submit_good(ctx);
	ring.header->tail += ring.nr;
	faults_reset();
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 1);
	ring.header->tail %= ring.nr;
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* Its bucket has others. */
START_TEST(a_place_that_is_locked_is_left_for_the_next_one)
{
	io_context_t ctx = context();
	io_context_t old = ctx;
	struct context *place = kaio_registry_find((kaio_context_t)ctx);

	if (!harness_has_ring())
		SKIP("there are no places without the ring");
	ck_assert_call(io_destroy(ctx), 0);
	ck_assert(context_lock(place, false));
	ctx = context();
	if (ctx != old)
		SKIP("the next ring is at another address");
	ck_assert_ptr_eq(kaio_registry_find((kaio_context_t)ctx), place + 1);
	ck_assert_uint_eq(place->handle, 0);
	ck_assert_uint_eq(calls_to_collect(ctx), 0);
	context_unlock(place);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

Suite *suite_libaio_calls(void)
{
	const TTest *tests[] = {
		unknown_contexts_are_polled_by_one_call_each,
		after_a_wait_in_the_kernel_the_ring_is_read_again,
		a_call_in_the_kernel_does_not_count_for_the_next_context,
		an_unknown_handle_costs_few_calls_and_soon_none,
		contexts_that_found_no_place_cost_no_other_calls,
		a_context_is_put_nowhere_but_where_it_is_looked_for,
		another_ring_at_its_address_is_left_to_the_kernel,
		a_ring_of_another_format_is_left_to_the_kernel,
		what_is_out_of_range_is_left_to_the_kernel,
		a_place_that_is_locked_is_left_for_the_next_one,
	};

	return harness_both_ways("libaio: calls", tests, COUNT(tests));
}
