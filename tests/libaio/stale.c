/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: a destroyed context is -EINVAL, and its ring not read. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

START_TEST(a_stale_context_is_einval)
{
	io_context_t ctx = libaio_context(1);

	if (libaio_is_foreign())
		SKIP("libaio reads the unmapped ring");
	libaio_submit_good(ctx, 0, 1);
	ck_assert_call(io_destroy(ctx), 0);
	libaio_refused_by_all(ctx);
	libaio_refused_by_all((io_context_t)0x1000);
	libaio_refused_by_all((io_context_t)0x7fff0001);
	libaio_refused_by_all((io_context_t)-4096L);
}
END_TEST

/* A copy of the old ring, with an event more. */
START_TEST(other_memory_at_the_address_is_not_read)
{
	io_context_t ctx = libaio_context(1);
	size_t size = libaio_ring_size(ctx);
	struct libaio_ring *copy = fixture_buffer(size);

	if (libaio_is_foreign())
		SKIP("libaio reads it");
	memcpy(copy, ctx, size);
	copy->tail = 1;
	ck_assert_call(io_destroy(ctx), 0);
	ck_assert_ptr_eq(
		mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, ctx),
		ctx);
	libaio_refused_by_all(ctx);
	ck_assert_uint_eq(libaio_ring(ctx)->head, 0);
	ck_assert_ok(munmap(ctx, size));
}
END_TEST

START_TEST(a_raw_destroy_is_found_by_the_next_submit)
{
	io_context_t ctx = libaio_context(1);

	if (libaio_is_foreign())
		SKIP("libaio reads the unmapped ring");
	libaio_submit_good(ctx, 0, 1);
	ck_assert_ok(libaio_raw_destroy(ctx));
	ck_assert_call(io_submit(ctx, 0, NULL), -EINVAL);
	libaio_refused_by_all(ctx);
}
END_TEST

START_TEST(a_raw_destroy_is_found_by_destroy)
{
	io_context_t ctx = libaio_context(1);

	if (libaio_is_foreign())
		SKIP("libaio reads the unmapped ring");
	ck_assert_ok(libaio_raw_destroy(ctx));
	ck_assert_call(io_destroy(ctx), -EINVAL);
	libaio_refused_by_all(ctx);
}
END_TEST

static io_context_t move_to(io_context_t ctx, void *place)
{
	size_t size = libaio_ring_size(ctx);

	ck_assert_ptr_eq(
		mremap(ctx, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place),
		place);
	return place;
}

static io_context_t move(io_context_t ctx)
{
	return move_to(ctx, fixture_buffer(libaio_ring_size(ctx)));
}

START_TEST(a_moved_ring_is_found_by_any_call_for_it)
{
	struct timespec none = { 0, 0 };
	io_context_t old, moved;
	struct io_event event;

	if (libaio_is_foreign())
		SKIP("libaio reads the unmapped ring");
	old = libaio_context(1);
	moved = move(old);
	ck_assert_call(io_submit(moved, 0, NULL), 0);
	libaio_refused_by_all(old);
	old = libaio_context(1);
	libaio_submit_good(old, 4, 1);
	moved = move(old);
	ck_assert_call(io_getevents(moved, 1, 1, &event, &none), 1);
	libaio_refused_by_all(old);
	old = libaio_context(1);
	moved = move(old);
	ck_assert_call(io_destroy(moved), 0);
	libaio_refused_by_all(old);
	libaio_refused_by_all(moved);
}
END_TEST

START_TEST(another_ring_moved_to_the_same_address_is_found)
{
	io_context_t old = libaio_context(1);
	void *place = fixture_buffer(libaio_ring_size(old));
	int i;

	if (libaio_is_foreign())
		SKIP("libaio reads the unmapped ring");
	for (i = 0; i < 3; i++) {
		io_context_t moved = move_to(old, place);

		ck_assert_call(io_submit(moved, 0, NULL), 0);
		libaio_refused_by_all(old);
		old = libaio_context(1);
		ck_assert_call(io_destroy(moved), 0);
	}
	ck_assert_call(io_destroy(old), 0);
}
END_TEST

Suite *suite_libaio_stale(void)
{
	const TTest *tests[] = {
		a_stale_context_is_einval,
		other_memory_at_the_address_is_not_read,
		a_raw_destroy_is_found_by_the_next_submit,
		a_raw_destroy_is_found_by_destroy,
		a_moved_ring_is_found_by_any_call_for_it,
		another_ring_moved_to_the_same_address_is_found,
	};

	return libaio_suite("libaio: stale contexts", tests, COUNT(tests));
}
