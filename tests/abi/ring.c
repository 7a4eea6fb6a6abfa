/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The ring layer, on rings in memory that is not the kernel's, small enough to
 * try every position of head and tail. test-abi-ffi has this file again, and
 * calls the symbols of the library instead of the inline functions.
 */
#include "harness.h"
#include "suites.h"

#include <kaio.h>

#include <errno.h>
#include <string.h>

#define NR_MAX 8

static struct {
	struct kaio_ring_header header;
	struct kaio_event events[NR_MAX];
} memory;

static kaio_context_t context(void)
{
	return (kaio_context_t)&memory;
}

/* A ring of nr whose completions, from head on, have data 1, 2, ... */
static struct kaio_ring ring_of(unsigned nr, unsigned head, unsigned filled)
{
	struct kaio_ring ring;
	unsigned i;

	memset(&memory, 0x55, sizeof(memory));
	memory.header = (struct kaio_ring_header){
		.id = 77,
		.nr = nr,
		.head = head,
		.tail = (head + filled) % nr,
		.magic = 0xa10a10a1,
		.compat_features = 1,
		.header_length = 32,
	};
	for (i = 0; i < filled; i++)
		memory.events[(head + i) % nr].data = i + 1;
	ck_assert_ok(kaio_ring_attach(&ring, context()));
	return ring;
}

/* Calls check with every ring of 2 to NR_MAX that has 0 to nr - 1 events. */
static void for_every_ring(void (*check)(unsigned nr, unsigned head,
					 unsigned filled))
{
	unsigned nr;
	unsigned head;
	unsigned filled;

	for (nr = 2; nr <= NR_MAX; nr++)
		for (head = 0; head < nr; head++)
			for (filled = 0; filled < nr; filled++)
				check(nr, head, filled);
}

START_TEST(attach_refuses_no_context_and_a_zeroed_page)
{
	struct kaio_ring ring;

	memset(&memory, 0, sizeof(memory));
	ck_assert_int_eq(kaio_ring_attach(&ring, 0), -ENOTSUP);
	ck_assert_int_eq(kaio_ring_attach(&ring, context()), -ENOTSUP);
}
END_TEST

START_TEST(attach_refuses_what_is_not_the_ring_it_knows)
{
	static const struct {
		size_t member;
		uint32_t value;
	} wrong[] = {
#define WRONG(member, value) \
	{ offsetof(struct kaio_ring_header, member), value }
		WRONG(magic, 0),
		WRONG(magic, 0xa10a10a0),
		WRONG(incompat_features, 1),
		WRONG(header_length, 0),
		WRONG(header_length, 31),
		WRONG(header_length, 64),
		WRONG(nr, 0),
		WRONG(nr, 1),
		WRONG(nr, UINT32_MAX),
		WRONG(nr, KAIO_RING_NR_MAX + 1),
		WRONG(head, NR_MAX),
		WRONG(head, UINT32_MAX),
		WRONG(tail, NR_MAX),
		WRONG(tail, UINT32_MAX),
	};
	struct kaio_ring ring;
	size_t i;

	for (i = 0; i < COUNT(wrong); i++) {
		ring_of(NR_MAX, 1, 2);
		memcpy((char *)&memory + wrong[i].member, &wrong[i].value,
		       sizeof(wrong[i].value));
		ck_assert_int_eq(kaio_ring_attach(&ring, context()), -ENOTSUP);
	}
}
END_TEST

START_TEST(attach_takes_features_that_are_compatible_and_writes_nothing)
{
	struct kaio_ring_header before;
	struct kaio_ring ring;

	ring_of(NR_MAX, NR_MAX - 1, NR_MAX - 1);
	memory.header.compat_features = UINT32_MAX;
	before = memory.header;
	ck_assert_ok(kaio_ring_attach(&ring, context()));
	ck_assert_mem_eq(&memory.header, &before, sizeof(before));
}
END_TEST

static void check_ready(unsigned nr, unsigned head, unsigned filled)
{
	struct kaio_ring ring = ring_of(nr, head, filled);

	ck_assert_uint_eq(kaio_ring_ready(&ring), filled);
}

START_TEST(ready_counts_over_the_wrap)
{
	for_every_ring(check_ready);
}
END_TEST

static void check_peek(unsigned nr, unsigned head, unsigned filled)
{
	struct kaio_ring ring = ring_of(nr, head, filled);
	unsigned run = 99;
	const struct kaio_event *event = kaio_ring_peek(&ring, &run);

	if (!filled) {
		ck_assert_ptr_null(event);
		ck_assert_uint_eq(run, 0);
		return;
	}
	ck_assert_ptr_eq(event, &memory.events[head]);
	ck_assert_uint_eq(run, filled < nr - head ? filled : nr - head);
	ck_assert_uint_eq(memory.header.head, head);
}

START_TEST(peek_shows_the_run_up_to_the_wrap_in_place)
{
	for_every_ring(check_peek);
}
END_TEST

static void check_advance(unsigned nr, unsigned head, unsigned filled)
{
	unsigned i;

	for (i = 0; i <= filled; i++) {
		struct kaio_ring ring = ring_of(nr, head, filled);
		struct kaio_ring_header expected = memory.header;

		kaio_ring_advance(&ring, i);
		expected.head = (head + i) % nr;
		ck_assert_mem_eq(&memory.header, &expected, sizeof(expected));
		ck_assert_uint_eq(kaio_ring_ready(&ring), filled - i);
	}
}

START_TEST(advance_moves_head_over_the_wrap_and_nothing_else)
{
	for_every_ring(check_advance);
}
END_TEST

static void check_reap(unsigned nr, unsigned head, unsigned filled)
{
	unsigned max;
	unsigned i;

	for (max = 0; max <= nr; max++) {
		struct kaio_ring ring = ring_of(nr, head, filled);
		unsigned reaped = max < filled ? max : filled;
		struct kaio_event events[NR_MAX + 1];

		memset(events, 0, sizeof(events));
		ck_assert_int_eq(kaio_ring_reap(&ring, events, max),
				 (int)reaped);
		for (i = 0; i < reaped; i++) {
			ck_assert_uint_eq(events[i].data, i + 1);
			ck_assert_uint_eq(events[i].obj, 0x5555555555555555);
		}
		ck_assert_uint_eq(events[reaped].obj, 0);
		ck_assert_uint_eq(memory.header.head, (head + reaped) % nr);
		ck_assert_uint_eq(kaio_ring_ready(&ring), filled - reaped);
	}
}

START_TEST(reap_copies_in_order_over_the_wrap_and_up_to_max)
{
	for_every_ring(check_reap);
}
END_TEST

START_TEST(an_index_out_of_range_yields_nothing)
{
	static const uint32_t absurd[] = { NR_MAX, NR_MAX + 1, UINT32_MAX };
	struct kaio_event events[NR_MAX];
	unsigned run = 99;
	size_t i;

	for (i = 0; i < 2 * COUNT(absurd); i++) {
		struct kaio_ring ring = ring_of(NR_MAX, 2, 3);
		struct kaio_ring_header before;

		if (i % 2)
			memory.header.head = absurd[i / 2];
		else
			memory.header.tail = absurd[i / 2];
		before = memory.header;
		ck_assert_uint_eq(kaio_ring_ready(&ring), 0);
		ck_assert_ptr_null(kaio_ring_peek(&ring, &run));
		ck_assert_uint_eq(run, 0);
		ck_assert_int_eq(kaio_ring_reap(&ring, events, NR_MAX), 0);
		ck_assert_mem_eq(&memory.header, &before, sizeof(before));
	}
}
END_TEST

START_TEST(the_size_is_that_of_the_structure)
{
	ck_assert_uint_eq(kaio_sizeof_ring(), sizeof(struct kaio_ring));
}
END_TEST

Suite *suite_ring(void)
{
	const TTest *tests[] = {
		attach_refuses_no_context_and_a_zeroed_page,
		attach_refuses_what_is_not_the_ring_it_knows,
		attach_takes_features_that_are_compatible_and_writes_nothing,
		ready_counts_over_the_wrap,
		peek_shows_the_run_up_to_the_wrap_in_place,
		advance_moves_head_over_the_wrap_and_nothing_else,
		reap_copies_in_order_over_the_wrap_and_up_to_max,
		an_index_out_of_range_yields_nothing,
		the_size_is_that_of_the_structure,
	};

	return harness_suite("ring", tests, COUNT(tests));
}
