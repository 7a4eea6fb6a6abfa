/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The known contexts: those whose rings this library may read.
 *
 * A handle is the ring's address, which programs may unmap, move, or pass to a
 * child. It is looked up here before a byte of the ring is read. A handle that
 * is not here is unknown, and left to the kernel:
 * - every handle in a child of fork(2): the table becomes zeros there;
 * - a context that this library did not set up, or that mremap(2) moved;
 * - a context that found no place: each hashes to WAYS places;
 * - every context, where the ring's format is unknown or KAIO_NO_RING is set.
 *
 * Contexts that are destroyed or moved by raw system calls are found by the
 * kernel's answers: if a call for an unknown handle succeeds, or one for a
 * known handle fails. Until then the old handle is still known, and collecting
 * from it is a SIGSEGV; to exclude that would take a system call each time.
 */
#ifndef LIBAIO_REGISTRY_H
#define LIBAIO_REGISTRY_H

#include "abi.h"
#include "atomic.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A place of the table; the lock and in_kernel outlive the context in it. */
struct context {
	kaio_context_t handle; /* 0: free */
	uintptr_t owner;       /* the lock */
	uint32_t in_kernel;    /* calls that let the kernel collect; atomic */
	uint32_t id;
	uint32_t nr;	  /* events in the ring */
	uint32_t spin_ns; /* how long a wait spins */
} __attribute__((aligned(64)));

/* NULL for an unknown handle. */
struct context *kaio_registry_find(kaio_context_t handle);

/* After io_setup has made a context. */
__attribute__((cold)) void kaio_registry_add(kaio_context_t handle);

/* Before io_destroy: afterwards nobody reads the ring. Was it known? */
__attribute__((cold)) bool kaio_registry_remove(kaio_context_t handle);

/* After a call of io_submit or io_getevents: known is what was found before. */
void kaio_registry_learn(struct context *known, kaio_context_t handle, int ret);

/* After io_destroy of an unknown handle: was it a known context that moved? */
void kaio_registry_recheck_all(void);

/* Acquire: pairs with the release in publish(). */
static inline kaio_context_t context_handle(const struct context *context)
{
	return __atomic_load_n(&context->handle, __ATOMIC_ACQUIRE);
}

/* Set in owner, which is an address, while a thread may sleep for the lock. */
#define CONTENDED ((uintptr_t)1)

__attribute__((cold)) bool
kaio_context_lock_slow(struct context *context, uintptr_t self, bool must_wait);
void kaio_context_wake(struct context *context);

static inline bool context_try_lock(struct context *context, uintptr_t owner)
{
	uintptr_t nobody = 0;

	return __atomic_compare_exchange_n(&context->owner, &nobody, owner,
					   false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/*
 * Never held over a system call that waits. False if a signal handler has
 * interrupted its own thread with this lock held; or with another lock held,
 * unless must_wait: the owner of this one may be in a handler that waits for
 * that one.
 */
static inline bool context_lock(struct context *context, bool must_wait)
{
	/* An address, different for each thread that is alive. */
	uintptr_t self = (uintptr_t)pthread_self();

	return context_try_lock(context, self) ||
	       kaio_context_lock_slow(context, self, must_wait);
}

static inline void context_unlock(struct context *context)
{
	if (__atomic_exchange_n(&context->owner, 0, __ATOMIC_RELEASE) &
	    CONTENDED)
		kaio_context_wake(context);
}

#endif
