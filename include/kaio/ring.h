/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The ring layer: collecting completions from memory that the kernel shares
 * with the process, without a system call.
 *
 * ONE REAPER AT A TIME. Nothing here locks. Two threads that reap one ring, or
 * one that reaps it while another is in kaio_getevents() for the same context,
 * lose completions and get others twice; a compare-and-swap on the ring's head
 * would not help, as the kernel's own store ignores it. Put one mutex around
 * everything that collects, or let a kaio_queue do it.
 *
 * The context must outlive the ring: kaio_destroy() unmaps it, and the next
 * access is a SIGSEGV. A child of fork(2) must not touch its parent's rings:
 * the pages are shared (still so in Linux 6.18), and moving head destroys the
 * parent's completions.
 */
#ifndef KAIO_RING_H
#define KAIO_RING_H

#include <kaio/abi.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>

KAIO_BEGIN_DECLS

/* At the address that is the context's handle; events[nr] follow. */
struct kaio_ring_header {
	uint32_t id; /* the kernel finds the context by it: never write it */
	uint32_t nr;
	uint32_t head; /* written by user space, and by io_getevents(2) */
	uint32_t tail; /* written by the kernel */
	uint32_t magic;
	uint32_t compat_features;
	uint32_t incompat_features;
	uint32_t header_length;
};

#define KAIO_RING_MAGIC 0xa10a10a1u
#define KAIO_RING_NR_MAX (1u << 24) /* more than io_setup(2) ever makes */

/* A context's ring, set by kaio_ring_attach(); the members are private. */
struct kaio_ring {
	struct kaio_ring_header *header;
	struct kaio_event *events;
	unsigned nr;
};

/**
 * kaio_sizeof_ring - return the size of struct kaio_ring
 *
 * For callers that are not C, to allocate it, aligned to 8 bytes.
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
 * kaio_ring_attach - find a context's ring and check its format
 * @ring: set for the other functions; nothing to be freed
 * @ctx: a context of this process, or 0
 *
 * After mremap(2) of the ring, which changes the handle, attach again.
 *
 * Return: 0, or a negative errno:
 * -ENOTSUP: @ctx is 0, or its memory is not a ring in the format that this
 *	header knows, as under gVisor; use kaio_getevents() there
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE int kaio_ring_attach(struct kaio_ring *ring, kaio_context_t ctx)
{
	struct kaio_ring_header *header = (struct kaio_ring_header *)ctx;
	uint32_t nr;

	if (!header)
		return -ENOTSUP;
	KAIO_MSAN_WRITTEN(header, sizeof(*header));
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
	KAIO_MSAN_WRITTEN(ring->events, nr * sizeof(*ring->events));
	return 0;
}

/**
 * kaio_ring_peek - find completions without copying them
 * @ring: an attached ring
 * @nr: receives how many are contiguous; more may follow at the ring's start
 *
 * They stay valid until kaio_ring_advance().
 *
 * An index out of range, as tail has been seen to be for a moment, counts as no
 * completion, here and in kaio_ring_ready() and kaio_ring_reap(); as long as it
 * is, only kaio_getevents() collects, which takes it modulo the ring's nr.
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
	/* Only the reaper stores head, so it sees its own last store. */
	uint32_t head = __atomic_load_n(&ring->header->head, __ATOMIC_RELAXED);
	/*
	 * Acquire: pairs with the smp_wmb() that aio_complete() has between
	 * its store of the event and its store of ring->tail.
	 */
	uint32_t tail = __atomic_load_n(&ring->header->tail, __ATOMIC_ACQUIRE);

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
 * kaio_ring_ready - count the completions that can be collected
 * @ring: an attached ring
 *
 * Return: how many; there may be more when it returns.
 * Context: does not block; one reaper at a time; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE unsigned kaio_ring_ready(const struct kaio_ring *ring)
{
	uint32_t head = __atomic_load_n(&ring->header->head, __ATOMIC_RELAXED);
	/* Acquire: as in kaio_ring_peek(), as the caller may read events. */
	uint32_t tail = __atomic_load_n(&ring->header->tail, __ATOMIC_ACQUIRE);

	if (head >= ring->nr || tail >= ring->nr)
		return 0;
	return head <= tail ? tail - head : ring->nr - head + tail;
}

/**
 * kaio_ring_advance - return slots of completions to the kernel
 * @ring: an attached ring
 * @nr: how many, no more than kaio_ring_ready() returned: the kernel does not
 *	check it, and would overwrite completions that were not read
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
	 * Release: the events are read before. Pairs with the kernel's load of
	 * ring->head in aio_complete() and user_refill_reqs_available(), after
	 * which the kernel writes the slots again.
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
