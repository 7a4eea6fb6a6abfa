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

START_TEST(many_spins_in_vain_and_only_they_make_waits_sleep_at_once)
{
	struct spin_luck luck = { 0, 0 };
	unsigned round, i;

	ck_assert_uint_eq(waits_without(&luck), 0);
	for (round = 0; round < 3; round++) {
		for (i = 1; i < SPIN_FAILURES; i++) {
			spin_ended(&luck, true);
			ck_assert_uint_eq(waits_without(&luck), 0);
		}
		spin_ended(&luck, false);
		for (i = 1; i < SPIN_FAILURES; i++) {
			spin_ended(&luck, true);
			ck_assert_uint_eq(waits_without(&luck), 0);
		}
		spin_ended(&luck, true);
		ck_assert_uint_eq(waits_without(&luck), SPIN_SKIPS);
	}
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
		many_spins_in_vain_and_only_they_make_waits_sleep_at_once,
		a_wait_that_sleeps_anyway_is_none_that_does_without,
	};

	return harness_run("queue: spin", tests, COUNT(tests));
}
