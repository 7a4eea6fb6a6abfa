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

/* To be worth the processor's time, it must be faster by one in so many. */
#define SPIN_GAIN 16

struct spin_luck {
	bool always;	/* watch, and never try */
	bool watch;	/* all but those that try not to */
	uint16_t waits; /* of this round */
	uint32_t ns[2]; /* what was timed took, by whether it watched */
	uint32_t nr[2]; /* how many waits these are */
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
		uint32_t ns = __atomic_load_n(&luck->ns[0], __ATOMIC_RELAXED);
		uint32_t nr = __atomic_load_n(&luck->nr[0], __ATOMIC_RELAXED);

		if (nr && ns / nr < spin_ns)
			wait.watch_ns = ns / nr + 1;
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
	uint64_t slept = spin_take(&luck->ns[false]);
	uint64_t watched = spin_take(&luck->ns[true]);
	uint64_t nr_slept = spin_take(&luck->nr[false]);
	uint64_t nr_watched = spin_take(&luck->nr[true]);

	__atomic_store_n(&luck->watch,
			 watched * nr_slept * SPIN_GAIN <
				 slept * nr_watched * (SPIN_GAIN - 1),
			 __ATOMIC_RELAXED);
}

/*
 * What watched for spin_ns in vain counts twice, for it took the processor for
 * nothing; and what takes long is all the same.
 */
static inline void spin_end(struct spin_luck *luck,
			    const struct spin_wait *wait, int64_t spin_ns)
{
	const int64_t longest = spin_ns < INT32_MAX / SPIN_TRIES / 4
					? 4 * spin_ns
					: INT32_MAX / SPIN_TRIES;
	unsigned waits = __atomic_load_n(&luck->waits, __ATOMIC_RELAXED);
	bool watched = wait->watch_ns;
	int64_t took;

	if (waits < 2 * SPIN_TRIES && wait->start) {
		took = (now() - wait->start) << wait->in_vain;
		spin_add(&luck->ns[watched],
			 (uint32_t)(took < longest ? took : longest));
		spin_add(&luck->nr[watched], 1);
	}
	waits = (waits + 1) % SPIN_ROUND;
	if (waits == 2 * SPIN_TRIES)
		spin_judge(luck);
	__atomic_store_n(&luck->waits, (uint16_t)waits, __ATOMIC_RELAXED);
}

#endif
