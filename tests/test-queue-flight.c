/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: finding operations in flight by their iocbs' addresses. */
#include "../lib/flight.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 2048

static struct kaio_iocb *entries[SIZE];

static struct kaio_iocb *iocb_at(unsigned i, unsigned stride)
{
	return (struct kaio_iocb *)(uintptr_t)(0x56781000 + i * stride);
}

/* How many entries are looked at to find nr iocbs, in a table of twice that. */
static unsigned probes(unsigned nr, unsigned stride)
{
	struct flight flight = { entries, nr * 2 - 1, 0 };
	unsigned sum = 0;
	unsigned i;

	memset(entries, 0, sizeof(entries));
	for (i = 0; i < nr; i++)
		flight_add(&flight, iocb_at(i, stride));
	for (i = 0; i < nr; i++) {
		uint64_t iocb = (uintptr_t)iocb_at(i, stride);
		unsigned place =
			(unsigned)(flight_find(&flight, iocb) - entries);

		sum += ((place - flight_home(&flight, iocb)) & flight.mask) + 1;
	}
	return sum;
}

START_TEST(iocbs_in_structures_of_any_size_are_found_at_once)
{
	unsigned stride, nr;

	for (stride = 64; stride <= 16384; stride += 8)
		for (nr = 16; nr <= SIZE / 2; nr *= 4)
			ck_assert_msg(probes(nr, stride) <= 4 * nr,
				      "%u iocbs every %u bytes: %u probes", nr,
				      stride, probes(nr, stride));
}
END_TEST

START_TEST(an_address_may_be_there_twice_and_is_found_over_gaps)
{
	struct flight flight = { entries, 15, 0 };
	struct kaio_iocb *twice = iocb_at(0, 64);
	unsigned i;

	memset(entries, 0, sizeof(entries));
	flight_add(&flight, twice);
	for (i = 1; i < 8; i++)
		flight_add(&flight, iocb_at(i, 64));
	flight_add(&flight, twice);
	for (i = 0; i < 8; i++)
		flight_remove(&flight, (uintptr_t)iocb_at(i, 64));
	ck_assert_uint_eq(flight.nr, 1);
	ck_assert_ptr_nonnull(flight_find(&flight, (uintptr_t)twice));
	ck_assert_ptr_null(flight_find(&flight, (uintptr_t)iocb_at(1, 64)));
	flight_remove(&flight, (uintptr_t)iocb_at(1, 64));
	ck_assert_uint_eq(flight.nr, 1);
	flight_remove(&flight, (uintptr_t)twice);
	ck_assert_uint_eq(flight.nr, 0);
	ck_assert_ptr_null(flight_find(&flight, (uintptr_t)twice));
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		iocbs_in_structures_of_any_size_are_found_at_once,
		an_address_may_be_there_twice_and_is_found_over_gaps,
	};

	return harness_run("queue: flight", tests, COUNT(tests));
}
