/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The contexts whose rings this library may read.
 *
 * A handle is the ring's address, which programs are free to unmap, move, or
 * hand to a child. It is looked up here before a byte of the ring is read, and
 * one that is not here is the kernel's to judge. So it is with
 * - all handles in a child of fork(2): the table is wiped there;
 * - those that this library did not make, among them those that mremap(2) made;
 * - those that found no room: each hashes to WAYS places and no others;
 * - all of them, where the ring is unknown or KAIO_NO_RING says so.
 *
 * What is destroyed or moved behind the library's back it learns from the
 * kernel's answers: when a handle that it does not know works, or one that it
 * knows fails, it asks for those concerned. Between such an event and the next
 * io_submit() the old handle is still known, and collecting from it is the one
 * SIGSEGV that is left: to exclude that would take a system call per call.
 */
#ifndef LIBAIO_REGISTRY_H
#define LIBAIO_REGISTRY_H

#include "abi.h"
#include "spin.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A place in the table; it stays one, whatever context it is for. */
struct context {
	kaio_context_t handle; /* 0: free */
	uintptr_t owner;       /* the lock */
	uint32_t in_kernel;    /* calls that let the kernel collect; atomic */
	uint32_t reading;      /* see libaio-collect.c */
	uint32_t id;
	uint32_t nr; /* events in the ring; 0: wiped */
	uint32_t spin_ns;
	struct spin_luck luck;
} __attribute__((aligned(64)));

/* NULL for a context that is not known. */
struct context *kaio_registry_find(kaio_context_t handle);

/* After io_setup made a context. */
void kaio_registry_add(kaio_context_t handle);

/* Before io_destroy: afterwards nobody is in the ring, or will be. */
void kaio_registry_remove(kaio_context_t handle);

/* After a call for a handle that is not known worked. */
void kaio_registry_meet(kaio_context_t handle);

/* Forgets all that are gone. */
void kaio_registry_check(void);

/* After a call for a handle that is known failed: is the context gone? */
void kaio_registry_doubt(struct context *context, kaio_context_t handle);

/* Acquire: pairs with the release in publish(). */
static inline kaio_context_t context_handle(const struct context *context)
{
	return __atomic_load_n(&context->handle, __ATOMIC_ACQUIRE);
}

/* Set in owner, which is an address, while a thread may be asleep for it. */
#define CONTENDED ((uintptr_t)1)

enum locked {
	LOCKED,
	OWN, /* by the thread that this signal handler interrupted */
	BUSY
};

enum locked kaio_context_lock_slowly(struct context *context, uintptr_t self,
				     bool insist);
void kaio_context_wake(struct context *context);

/*
 * For some nanoseconds, never over a system call that waits. A handler that
 * interrupted its thread with another context's lock must not sleep for this
 * one, whose owner may be asleep for that one: it is BUSY, unless it insists.
 */
static inline enum locked context_lock(struct context *context, bool insist)
{
	/* An address, and no other thread's that is alive. */
	uintptr_t self = (uintptr_t)pthread_self();
	uintptr_t nobody = 0;

	if (__atomic_compare_exchange_n(&context->owner, &nobody, self, false,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return LOCKED;
	return kaio_context_lock_slowly(context, self, insist);
}

static inline void context_unlock(struct context *context)
{
	if (__atomic_exchange_n(&context->owner, 0, __ATOMIC_RELEASE) &
	    CONTENDED)
		kaio_context_wake(context);
}

#endif
