/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A context is found without a lock, and its place may be another's a moment
 * later: handle changes under the place's lock, from 0 only while in_kernel is
 * 0: calls for the last context would keep the next one from its ring.
 *
 * Nothing is allocated, and only io_destroy waits for a thread that waits: all
 * of it may be called from a signal handler.
 */
#include "registry.h"

#include "environment.h"

#include <kaio/ring.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUCKETS_LOG2 7
#define WAYS 8
#define PLACES (WAYS << BUCKETS_LOG2)
#define TABLE_SIZE (PLACES * sizeof(struct context))

/* With room for places() to begin at a page, of whatever size. */
#define PAGE_SIZE_MIN 4096
#define PAGE_SIZE_MAX 65536
static struct context table[PLACES + PAGE_SIZE_MAX / sizeof(struct context)];

/* Whole pages, for MADV_WIPEONFORK. */
static struct context *places(void)
{
	uintptr_t address = (uintptr_t)table + PAGE_SIZE_MAX - 1;

	return (struct context *)(address - address % PAGE_SIZE_MAX);
}

/* The unknown handles of successful calls, by their hash. */
static kaio_context_t unknown[1 << BUCKETS_LOG2];

/* A context had no place. From then on unknown handles mean nothing. */
static bool overflowed;

/* Places below this are still to be rechecked, a few in each call. */
#define RECHECKS 4
static uint32_t unchecked;

/* The lock */

#define LOCK_SPINS 100

#ifndef SYS_futex
#define SYS_futex SYS_futex_time64
#endif

/* As in <linux/futex.h>, which not every C library comes with. */
#ifndef FUTEX_WAIT_PRIVATE
#define FUTEX_WAIT_PRIVATE (0 | 128)
#define FUTEX_WAKE_PRIVATE (1 | 128)
#endif

static void lock_futex(struct context *context, int operation, uintptr_t value)
{
	uint32_t *halves = (uint32_t *)(void *)&context->owner;
	int saved = errno;

	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ &&
	    sizeof(context->owner) > sizeof(*halves))
		halves++;
	syscall(SYS_futex, halves, operation, (uint32_t)value, NULL);
	errno = saved;
}

static uintptr_t owner_of(const struct context *context)
{
	return READ_ONCE(context->owner) & ~CONTENDED;
}

/* From the locks themselves: a count would be wrong for an instruction. */
static bool holds_a_lock(uintptr_t self)
{
	unsigned i;

	for (i = 0; i < PLACES; i++)
		if (owner_of(places() + i) == self)
			return true;
	return false;
}

/* Held for nanoseconds: to sleep pays only if the owner was preempted. */
bool kaio_context_lock_slow(struct context *context, uintptr_t self,
			    bool must_wait)
{
	unsigned spins;

	for (spins = 0; spins < LOCK_SPINS; spins++) {
		uintptr_t owner = owner_of(context);

		if (owner == self)
			return false;
		if (!owner && context_try_lock(context, self))
			return true;
		relax();
	}
	if (!must_wait && holds_a_lock(self))
		return false;
	/* CONTENDED: more threads than this one may be asleep. */
	while (!context_try_lock(context, self | CONTENDED)) {
		uintptr_t owner = READ_ONCE(context->owner);

		if (owner & CONTENDED ||
		    (owner &&
		     __atomic_compare_exchange_n(
			     &context->owner, &owner, owner | CONTENDED, false,
			     __ATOMIC_RELAXED, __ATOMIC_RELAXED)))
			lock_futex(context, FUTEX_WAIT_PRIVATE,
				   owner | CONTENDED);
	}
	return true;
}

void kaio_context_wake(struct context *context)
{
	lock_futex(context, FUTEX_WAKE_PRIVATE, 1);
}

/* The table */

static uint32_t hash(kaio_context_t handle)
{
	uint32_t product = (uint32_t)(handle / PAGE_SIZE_MIN) * 2654435769u;

	return product >> (32 - BUCKETS_LOG2);
}

static struct context *bucket(kaio_context_t handle)
{
	return places() + (size_t)hash(handle) * WAYS;
}

struct context *kaio_registry_find(kaio_context_t handle)
{
	struct context *context = bucket(handle);
	unsigned i;

	if (handle)
		for (i = 0; i < WAYS; i++, context++)
			if (context_handle(context) == handle)
				return context;
	return NULL;
}

/* False before Linux 4.14: a child would take these contexts for its own. */
static bool wipe_on_fork(void)
{
	int saved = errno;
	int ret = madvise(places(), TABLE_SIZE, MADV_WIPEONFORK);

	errno = saved;
	return ret == 0;
}

static void publish(struct context *context, kaio_context_t handle)
{
	__atomic_store_n(&context->handle, handle, __ATOMIC_RELEASE);
}

/* With must_wait even in a handler that interrupted the lock's owner. */
static void drop(struct context *context, kaio_context_t handle, bool must_wait)
{
	bool locked = kaio_context_lock_slow(context, (uintptr_t)pthread_self(),
					     must_wait);

	if ((locked || must_wait) && context_handle(context) == handle)
		publish(context, 0);
	if (locked)
		context_unlock(context);
}

static kaio_context_t *unknown_slot(kaio_context_t handle)
{
	return unknown + hash(handle);
}

bool kaio_registry_remove(kaio_context_t handle)
{
	struct context *context = kaio_registry_find(handle);
	kaio_context_t old = handle;

	/* The next context at this address is a new unknown one. */
	__atomic_compare_exchange_n(unknown_slot(handle), &old, 0, false,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	if (context)
		drop(context, handle, true);
	return context;
}

/* False if the place is taken, or about to be. */
__attribute__((cold)) static bool add(struct context *context,
				      kaio_context_t handle,
				      const struct kaio_ring *ring)
{
	bool is_free;

	if (!context_try_lock(context, (uintptr_t)pthread_self()))
		return false;
	is_free = !context_handle(context) && !READ_ONCE(context->in_kernel);
	if (is_free) {
		context->id = ring->header->id;
		context->nr = ring->nr;
		context->spin_ns = environment_spin_ns();
		publish(context, handle);
	}
	context_unlock(context);
	return is_free;
}

void kaio_registry_add(kaio_context_t handle)
{
	struct context *context = bucket(handle);
	struct context *const end = context + WAYS;
	struct kaio_ring ring;

	/* Where the kernel puts a ring, no older one is left. */
	kaio_registry_remove(handle);
	if (!environment_allows_ring() || !wipe_on_fork() ||
	    kaio_ring_attach(&ring, handle) < 0)
		return;
	for (; context < end; context++)
		if (add(context, handle, &ring))
			return;
	WRITE_ONCE(overflowed, true);
}

/* Forgets a context that the kernel does not know. */
static void recheck(struct context *context, kaio_context_t handle)
{
	if (kaio_submit(handle, 0, NULL) == -EINVAL)
		drop(context, handle, false);
}

__attribute__((cold)) static void recheck_some(void)
{
	uint32_t left = READ_ONCE(unchecked);
	unsigned rechecks = 0;

	if (!left)
		return;
	while (left && rechecks < RECHECKS) {
		struct context *context = places() + --left;
		kaio_context_t handle = context_handle(context);

		if (handle) {
			recheck(context, handle);
			rechecks++;
		}
	}
	WRITE_ONCE(unchecked, left);
}

void kaio_registry_recheck_all(void)
{
	WRITE_ONCE(unchecked, PLACES);
	recheck_some();
}

/* It may be a known context that moved. */
static __attribute__((cold)) void note_unknown(kaio_context_t handle)
{
	if (READ_ONCE(overflowed))
		return;
	if (__atomic_exchange_n(unknown_slot(handle), handle,
				__ATOMIC_RELAXED) != handle)
		kaio_registry_recheck_all();
	else
		recheck_some();
}

void kaio_registry_learn(struct context *known, kaio_context_t handle, int ret)
{
	if (!known && ret >= 0)
		note_unknown(handle);
	if (known && ret == -EINVAL)
		recheck(known, handle);
}
