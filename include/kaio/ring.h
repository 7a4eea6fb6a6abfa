/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The ring layer: collecting completions from the memory that the kernel shares
 * with the process, without a system call.
 *
 * ONE REAPER AT A TIME. Nothing here locks. Two threads that reap one ring, or
 * one that reaps it while another is in kaio_getevents() for the same context,
 * lose completions and get others twice; a compare-and-swap on the ring's head
 * would not save them, as the kernel's own store ignores it. Put one mutex
 * around everything that collects, or let a kaio_queue do it.
 *
 * The context must outlive the ring: kaio_destroy() unmaps it, and the next
 * access is a SIGSEGV. A child of fork(2) must not touch its parent's rings:
 * up to Linux 6.x it shares the page, and moving head destroys the parent's
 * completions.
 */
#ifndef KAIO_RING_H
#define KAIO_RING_H

#include <kaio/abi.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>

KAIO_BEGIN_DECLS

/* What stands at the address that is the context's handle; events[nr] follow.
 */
struct kaio_ring_header {
	uint32_t id; /* by which the kernel finds the context: never write it */
	uint32_t nr;
	uint32_t head; /* user space's */
	uint32_t tail; /* the kernel's */
	uint32_t magic;
	uint32_t compat_features;
	uint32_t incompat_features;
	uint32_t header_length;
};

#define KAIO_RING_MAGIC 0xa10a10a1u
#define KAIO_RING_NR_MAX (1u << 24) /* well over what io_setup can come to */

/* A context's ring, by kaio_ring_attach(). Its members are the library's. */
struct kaio_ring {
	struct kaio_ring_header *header;
	struct kaio_event *events;
	unsigned nr;
};

/**
 * kaio_sizeof_ring - size of what kaio_ring_attach() fills in
 *
 * For callers that are not C, which allocate it by this, aligned to 8 bytes.
 *
 * Return: sizeof(struct kaio_ring).
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE size_t kaio_sizeof_ring(void)
{
	return sizeof(struct kaio_ring);
}

/**
 * kaio_ring_attach - find a context's ring and make sure that it is one
 * @ring: receives what the other functions need; nothing to be freed
 * @ctx: a context of this process, or 0
 *
 * After mremap(2) of the ring, which changes the handle, attach again.
 *
 * Return: 0, or a negative errno:
 * -ENOTSUP: @ctx is 0, or its memory is not the ring that this header knows, as
 *	under gVisor; kaio_getevents() works there
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE int kaio_ring_attach(struct kaio_ring *ring, kaio_context_t ctx)
{
	struct kaio_ring_header *header = (struct kaio_ring_header *)ctx;
	uint32_t nr;

	if (!header)
		return -ENOTSUP;
	nr = header->nr;
	if (header->magic != KAIO_RING_MAGIC ||
	    header->incompat_features != 0 ||
	    header->header_length != sizeof(*header) || nr < 2 ||
	    nr > KAIO_RING_NR_MAX ||
	    __atomic_load_n(&header->head, __ATOMIC_RELAXED) >= nr ||
	    __atomic_load_n(&header->tail, __ATOMIC_RELAXED) >= nr)
		return -ENOTSUP;
	ring->header = header;
	ring->events = (struct kaio_event *)(header + 1);
	ring->nr = nr;
	return 0;
}

/**
 * kaio_ring_peek - look at completions where they stand
 * @ring: an attached ring
 * @nr: receives how many there are in one run; more may follow after the wrap
 *
 * They stay there, and stay valid, until kaio_ring_advance().
 *
 * Return: the oldest completion, with *@nr - 1 after it; NULL with *@nr 0 when
 * there is none.
 * Context: does not block; one reaper at a time; async-signal-safe if that one
 * is not interrupted.
 * Since: 0.1
 */
KAIO_INLINE const struct kaio_event *
kaio_ring_peek(const struct kaio_ring *ring, unsigned *nr)
{
	/* Only this side moves head, so that its own last store is seen. */
	uint32_t head = __atomic_load_n(&ring->header->head, __ATOMIC_RELAXED);
	/*
	 * Acquire: pairs with the smp_wmb() that aio_complete() has between
	 * the event and its store of ring->tail. A tail seen is an event seen.
	 */
	uint32_t tail = __atomic_load_n(&ring->header->tail, __ATOMIC_ACQUIRE);

	/* Out of range is no ring to trust: io_getevents knows better. */
	if (head < tail && tail < ring->nr) {
		*nr = tail - head;
	} else if (head > tail && head < ring->nr) {
		*nr = ring->nr - head;
	} else {
		*nr = 0;
		return NULL;
	}
	return ring->events + head;
}

/**
 * kaio_ring_ready - count the completions that wait to be collected
 * @ring: an attached ring
 *
 * Return: how many; more may have come when it returns.
 * Context: does not block; one reaper at a time; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE unsigned kaio_ring_ready(const struct kaio_ring *ring)
{
	uint32_t head = __atomic_load_n(&ring->header->head, __ATOMIC_RELAXED);
	/* Acquire: as in kaio_ring_peek(), for who goes on to read events. */
	uint32_t tail = __atomic_load_n(&ring->header->tail, __ATOMIC_ACQUIRE);

	if (head >= ring->nr || tail >= ring->nr)
		return 0;
	return head <= tail ? tail - head : ring->nr - head + tail;
}

/**
 * kaio_ring_advance - give completions that were read back to the kernel
 * @ring: an attached ring
 * @nr: how many, no more than kaio_ring_ready() said: the kernel checks
 *	nothing, and overwrites what was not read
 *
 * Context: does not block; one reaper at a time; async-signal-safe if that one
 * is not interrupted.
 * Since: 0.1
 */
KAIO_INLINE void kaio_ring_advance(struct kaio_ring *ring, unsigned nr)
{
	uint32_t head = __atomic_load_n(&ring->header->head, __ATOMIC_RELAXED);

	head += nr;
	if (head >= ring->nr)
		head -= ring->nr;
	/*
	 * Release: the reads of the events come before it. Pairs with the
	 * kernel's load of ring->head, in aio_complete() and
	 * user_refill_reqs_available(), which then fill the slots anew.
	 */
	__atomic_store_n(&ring->header->head, head, __ATOMIC_RELEASE);
}

/**
 * kaio_ring_reap - collect completions
 * @ring: an attached ring
 * @events: receives them, oldest first
 * @max: room in @events
 *
 * Return: how many, 0 to @max.
 * Context: does not block; one reaper at a time; async-signal-safe if that one
 * is not interrupted.
 * Since: 0.1
 */
KAIO_INLINE int kaio_ring_reap(struct kaio_ring *ring,
			       struct kaio_event *events, unsigned max)
{
	unsigned reaped = 0;

	while (reaped < max) {
		unsigned nr;
		const struct kaio_event *run = kaio_ring_peek(ring, &nr);

		if (!run)
			break;
		if (nr > max - reaped)
			nr = max - reaped;
		memcpy(events + reaped, run, nr * sizeof(*run));
		kaio_ring_advance(ring, nr);
		reaped += nr;
	}
	return (int)reaped;
}

KAIO_END_DECLS

#endif
