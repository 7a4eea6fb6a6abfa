/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: when a wait watches the ring before it sleeps. */
#include "../lib/spin.h"
#include "harness.h"

/* How many waits do without until one spins again. */
static unsigned waits_without(struct spin_luck *luck)
{
	unsigned waits = 0;

	for (; !spin_is_due(luck); waits++)
		spin_skipped(luck);
	return waits;
}

START_TEST(spins_in_vain_become_rare_and_one_that_is_not_ends_that)
{
	const unsigned expected[] = { 1, 3, 7, 15, 31, 63, 63, 63 };
	struct spin_luck luck = { 0, 0 };
	size_t i;

	ck_assert_uint_eq(waits_without(&luck), 0);
	for (i = 0; i < COUNT(expected); i++) {
		spin_ended(&luck, true);
		ck_assert_uint_eq(waits_without(&luck), expected[i]);
	}
	spin_ended(&luck, false);
	ck_assert_uint_eq(waits_without(&luck), 0);
	spin_ended(&luck, true);
	ck_assert_uint_eq(waits_without(&luck), 1);
}
END_TEST

START_TEST(a_wait_that_sleeps_anyway_is_none_that_does_without)
{
	struct spin_luck luck = { 0, 0 };

	spin_skipped(&luck);
	ck_assert(spin_is_due(&luck));
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		spins_in_vain_become_rare_and_one_that_is_not_ends_that,
		a_wait_that_sleeps_anyway_is_none_that_does_without,
	};

	return harness_run("queue: spin", tests, COUNT(tests));
}
