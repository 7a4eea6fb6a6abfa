/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Watching memory that another processor is about to change. */
#ifndef SPIN_H
#define SPIN_H

#include "deadline.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * For how long a wait watches the ring before it sleeps, unless it is told
 * otherwise; kaio_queue_create(3) says why.
 */
#define SPIN_NS 50000

/*
 * Whether it is faster to watch or to sleep at once depends on the device, on
 * where its driver runs, and on what it costs to wake an idle processor, all of
 * which may change. So it is tried: of a round of waits the first few go the
 * way that was faster last time, as many go the other way, and all the others
 * the one that has proved faster now.
 *
 * What other threads do to it at the same time may be lost.
 */
#define SPIN_ROUND 4096
#define SPIN_TRIES 16

/*
 * Times are compared by their logarithms, lest one that is out of proportion
 * decides: the logarithm to base 2 in 256ths.
 */
#define SPIN_TWICE 256

/* To be worth the processor's time, it must be faster by a sixteenth. */
#define SPIN_GAIN 24

struct spin_luck {
	bool always;	 /* watch, and never try */
	bool watch;	 /* all but those that try not to */
	uint16_t waits;	 /* of this round */
	uint32_t log[2]; /* of what was timed, the sum, by whether it watched */
	uint32_t nr[2];	 /* how many waits these are */
};

/* A wait for what is not there yet. */
struct spin_wait {
	bool counts; /* it might have gone either way */
	bool in_vain;
	int64_t watch_ns; /* for how long it is to watch; 0: not */
	int64_t start;	  /* 0: not timed */
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

/* Straight from one power of 2 to the next. */
static inline uint32_t spin_log(int64_t ns)
{
	uint64_t value = ns > 0 ? (uint64_t)ns : 1;
	uint32_t power = 63 - (uint32_t)__builtin_clzll(value);

	value = power > 8 ? value >> (power - 8) : value << (8 - power);
	return SPIN_TWICE * power + (uint32_t)value - 256;
}

/* The other way round. */
static inline int64_t spin_ns_of(uint32_t log)
{
	return (int64_t)(256 + log % SPIN_TWICE) << log / SPIN_TWICE >> 8;
}

/* One that tries need not watch for longer than others sleep. */
static inline struct spin_wait spin_begin(const struct spin_luck *luck,
					  int64_t spin_ns)
{
	unsigned waits = __atomic_load_n(&luck->waits, __ATOMIC_RELAXED);
	bool other_way = waits / SPIN_TRIES == 1;
	bool watch = __atomic_load_n(&luck->watch, __ATOMIC_RELAXED);
	bool always = __atomic_load_n(&luck->always, __ATOMIC_RELAXED);
	struct spin_wait wait = { .counts = !always };

	if (always || watch != other_way)
		wait.watch_ns = spin_ns;
	if (wait.watch_ns && wait.counts && other_way) {
		uint32_t log = __atomic_load_n(&luck->log[0], __ATOMIC_RELAXED);
		uint32_t nr = __atomic_load_n(&luck->nr[0], __ATOMIC_RELAXED);

		if (nr && log / nr < spin_log(spin_ns))
			wait.watch_ns = spin_ns_of(log / nr) + 1;
	}
	if (wait.watch_ns || waits < 2 * SPIN_TRIES)
		wait.start = now();
	return wait;
}

static inline void spin_add(uint32_t *sum, uint32_t more)
{
	uint32_t old = __atomic_load_n(sum, __ATOMIC_RELAXED);

	__atomic_store_n(sum, old + more, __ATOMIC_RELAXED);
}

static inline uint64_t spin_take(uint32_t *sum)
{
	uint32_t old = __atomic_load_n(sum, __ATOMIC_RELAXED);

	__atomic_store_n(sum, 0, __ATOMIC_RELAXED);
	return old;
}

static inline void spin_judge(struct spin_luck *luck)
{
	uint64_t slept = spin_take(&luck->log[false]);
	uint64_t watched = spin_take(&luck->log[true]);
	uint64_t nr_slept = spin_take(&luck->nr[false]);
	uint64_t nr_watched = spin_take(&luck->nr[true]);

	watched += SPIN_GAIN * nr_watched;
	__atomic_store_n(&luck->watch, watched * nr_slept < slept * nr_watched,
			 __ATOMIC_RELAXED);
}

/* In vain it counts twice: it took the processor for nothing. */
static inline void spin_end(struct spin_luck *luck,
			    const struct spin_wait *wait)
{
	unsigned waits = __atomic_load_n(&luck->waits, __ATOMIC_RELAXED);
	bool watched = wait->watch_ns;

	if (waits < 2 * SPIN_TRIES && wait->start) {
		spin_add(&luck->log[watched],
			 spin_log(now() - wait->start) +
				 (wait->in_vain ? SPIN_TWICE : 0));
		spin_add(&luck->nr[watched], 1);
	}
	waits = (waits + 1) % SPIN_ROUND;
	if (waits == 2 * SPIN_TRIES)
		spin_judge(luck);
	__atomic_store_n(&luck->waits, (uint16_t)waits, __ATOMIC_RELAXED);
}

#endif
