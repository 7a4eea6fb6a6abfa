/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Finding a context takes no lock, so that what was found may be another's when
 * it is looked at: handle counts only under the place's lock, where it alone
 * changes from a handle to 0. From 0 to a handle it changes by way of CLAIMED,
 * and only where no call for the last context is still in the kernel: it would
 * keep the next out of its ring.
 *
 * Nothing is allocated after the table, and nothing here waits for a thread
 * that waits: all of it may be called from a signal handler.
 */
#include "registry.h"

#include "environment.h"
#include "spin.h"

#include <kaio/ring.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUCKETS_LOG2 7
#define WAYS 8
#define PLACES (WAYS << BUCKETS_LOG2)
#define TABLE_SIZE (PLACES * sizeof(struct context))

/* No handle: they are addresses of pages. */
#define CLAIMED 1
#define PAGE_MASK 4095

static struct context *table;

#define STRANGERS 64

static kaio_context_t strangers[STRANGERS];

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

/* The half of owner that a futex can be: it is compared, no more. */
static uint32_t *futex_word(struct context *context)
{
	uint32_t *halves = (uint32_t *)(void *)&context->owner;

	return halves + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ &&
			 sizeof(context->owner) > sizeof(*halves));
}

static void futex(struct context *context, int operation, uint32_t value)
{
	int saved = errno;

	syscall(SYS_futex, futex_word(context), operation, value, NULL);
	errno = saved;
}

static uintptr_t owner_of(const struct context *context)
{
	return __atomic_load_n(&context->owner, __ATOMIC_RELAXED) & ~CONTENDED;
}

static bool try_lock(struct context *context, uintptr_t owner)
{
	uintptr_t nobody = 0;

	return __atomic_compare_exchange_n(&context->owner, &nobody, owner,
					   false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* Told by the locks themselves, so that there is no moment at which it is not
 * true; only who is about to sleep asks. */
static bool has_a_lock(uintptr_t self)
{
	struct context *places = __atomic_load_n(&table, __ATOMIC_ACQUIRE);
	unsigned i;

	for (i = 0; places && i < PLACES; i++)
		if (owner_of(places + i) == self)
			return true;
	return false;
}

/* It is held so shortly that to sleep is worth it only if its owner sleeps. */
enum locked kaio_context_lock_slowly(struct context *context, uintptr_t self,
				     bool insist)
{
	unsigned spins;

	for (spins = 0; spins < LOCK_SPINS; spins++) {
		uintptr_t owner = owner_of(context);

		if (owner == self)
			return OWN;
		if (!owner && try_lock(context, self))
			return LOCKED;
		relax();
	}
	if (!insist && has_a_lock(self))
		return BUSY;
	/* From here on others may be asleep, too, and are to be woken. */
	while (!try_lock(context, self | CONTENDED)) {
		uintptr_t owner =
			__atomic_load_n(&context->owner, __ATOMIC_RELAXED);

		if (owner & CONTENDED ||
		    (owner &&
		     __atomic_compare_exchange_n(
			     &context->owner, &owner, owner | CONTENDED, false,
			     __ATOMIC_RELAXED, __ATOMIC_RELAXED)))
			futex(context, FUTEX_WAIT_PRIVATE,
			      (uint32_t)(owner | CONTENDED));
	}
	return LOCKED;
}

void kaio_context_wake(struct context *context)
{
	futex(context, FUTEX_WAKE_PRIVATE, 1);
}

/* The table */

static uint32_t hash(kaio_context_t handle)
{
	uint32_t product = (uint32_t)(handle / (PAGE_MASK + 1)) * 2654435769u;

	return product >> (32 - BUCKETS_LOG2);
}

static struct context *bucket(struct context *places, kaio_context_t handle)
{
	return places + (size_t)hash(handle) * WAYS;
}

struct context *kaio_registry_find(kaio_context_t handle)
{
	struct context *places = __atomic_load_n(&table, __ATOMIC_ACQUIRE);
	unsigned i;

	if (!places || !handle || handle & PAGE_MASK)
		return NULL;
	places = bucket(places, handle);
	for (i = 0; i < WAYS; i++)
		if (context_handle(places + i) == handle)
			return places + i;
	return NULL;
}

/* NULL where the kernel cannot wipe it in children: then there is no table. */
static struct context *map_table(void)
{
	struct context *places = __atomic_load_n(&table, __ATOMIC_ACQUIRE);
	struct context *none = NULL;
	int saved = errno;
	void *memory;

	if (places)
		return places;
	memory = mmap(NULL, TABLE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory != MAP_FAILED) {
		if (madvise(memory, TABLE_SIZE, MADV_WIPEONFORK) == 0 &&
		    __atomic_compare_exchange_n(&table, &none, memory, false,
						__ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return memory;
		munmap(memory, TABLE_SIZE);
	}
	errno = saved;
	return __atomic_load_n(&table, __ATOMIC_ACQUIRE);
}

static struct context *claim(struct context *places, kaio_context_t handle)
{
	unsigned i;

	places = bucket(places, handle);
	for (i = 0; i < WAYS; i++) {
		kaio_context_t none = 0;

		if (__atomic_load_n(&places[i].in_kernel, __ATOMIC_RELAXED))
			continue;
		if (__atomic_compare_exchange_n(
			    &places[i].handle, &none, CLAIMED, false,
			    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return places + i;
	}
	return NULL;
}

static void publish(struct context *context, kaio_context_t handle)
{
	__atomic_store_n(&context->handle, handle, __ATOMIC_RELEASE);
}

static void drop(struct context *context, kaio_context_t handle)
{
	enum locked locked = context_lock(context, true);

	if (context_handle(context) == handle)
		publish(context, 0);
	if (locked == LOCKED)
		context_unlock(context);
}

static kaio_context_t *stranger(kaio_context_t handle)
{
	return strangers + hash(handle) % STRANGERS;
}

void kaio_registry_remove(kaio_context_t handle)
{
	struct context *context = kaio_registry_find(handle);
	kaio_context_t old = handle;

	/* What comes to its address is another. */
	__atomic_compare_exchange_n(stranger(handle), &old, 0, false,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	if (context)
		drop(context, handle);
}

void kaio_registry_add(kaio_context_t handle)
{
	struct context *places;
	struct context *context;
	struct kaio_ring ring;

	/* Where the kernel puts a ring, no older one is left. */
	kaio_registry_remove(handle);
	if (!environment_allows_ring() || kaio_ring_attach(&ring, handle) < 0)
		return;
	places = map_table();
	context = places ? claim(places, handle) : NULL;
	if (!context)
		return;
	context->reading = UINT32_MAX;
	context->id = ring.header->id;
	context->nr = ring.nr;
	context->spin_ns = environment_has("KAIO_NO_SPIN") ? 0 : SPIN_NS;
	__atomic_store_n(&context->luck.always,
			 environment_denies("KAIO_NO_SPIN"), __ATOMIC_RELAXED);
	publish(context, handle);
}

static bool is_gone(kaio_context_t handle)
{
	return kaio_submit(handle, 0, NULL) == -EINVAL;
}

void kaio_registry_check(void)
{
	struct context *places = __atomic_load_n(&table, __ATOMIC_ACQUIRE);
	unsigned i;

	for (i = 0; places && i < PLACES; i++) {
		kaio_context_t other = context_handle(places + i);

		if (other && other != CLAIMED && is_gone(other))
			drop(places + i, other);
	}
}

/* Whether there may have been no place for this one. */
static bool is_full(kaio_context_t handle)
{
	struct context *places = __atomic_load_n(&table, __ATOMIC_ACQUIRE);
	unsigned i;

	places = places ? bucket(places, handle) : NULL;
	for (i = 0; places && i < WAYS; i++)
		if (!context_handle(places + i))
			return false;
	return true;
}

/*
 * Remembered, so that one stranger raises one alarm; and where all are that
 * find no place, being one is no news.
 */
void kaio_registry_meet(kaio_context_t handle)
{
	if (is_full(handle))
		return;
	if (__atomic_exchange_n(stranger(handle), handle, __ATOMIC_RELAXED) !=
	    handle)
		kaio_registry_check();
}

void kaio_registry_doubt(struct context *context, kaio_context_t handle)
{
	if (is_gone(handle))
		drop(context, handle);
}
