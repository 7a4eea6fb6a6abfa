/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Watching memory that another processor is about to change. */
#ifndef SPIN_H
#define SPIN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * For how long a wait watches the ring before it sleeps, unless it is told
 * otherwise; kaio_queue_create(3) says why.
 */
#define SPIN_NS 50000

/*
 * Whether to watch is learnt from the last times: after so many in a row that
 * were in vain, so many waits sleep at once. So a device that is slower costs
 * little processor time, and one whose driver waits for a processor gets this
 * one. Not after the first: a loop device that has to be woken is slow once.
 *
 * What other threads do to it at the same time may be lost.
 */
#define SPIN_FAILURES 8
#define SPIN_SKIPS 64

struct spin_luck {
	uint8_t failures; /* in a row */
	uint8_t skips;	  /* waits to come that do without */
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

static inline bool spin_is_due(const struct spin_luck *luck)
{
	return !__atomic_load_n(&luck->skips, __ATOMIC_RELAXED);
}

static inline void spin_skipped(struct spin_luck *luck)
{
	uint8_t skips = __atomic_load_n(&luck->skips, __ATOMIC_RELAXED);

	if (skips)
		__atomic_store_n(&luck->skips, (uint8_t)(skips - 1),
				 __ATOMIC_RELAXED);
}

static inline void spin_ended(struct spin_luck *luck, bool in_vain)
{
	uint8_t failures = __atomic_load_n(&luck->failures, __ATOMIC_RELAXED);

	failures = in_vain ? (uint8_t)(failures + 1) : 0;
	if (failures == SPIN_FAILURES) {
		failures = 0;
		__atomic_store_n(&luck->skips, SPIN_SKIPS, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&luck->failures, failures, __ATOMIC_RELAXED);
}

#endif
