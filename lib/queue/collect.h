/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * From the kernel to the library: collecting completions, as kaio_queue_wait()
 * and kaio_queue_run() share it.
 *
 * One reaper at a time: the ring is read under the lock, and only while no
 * thread is asleep in io_getevents. Else all go there, for the kernel to sort
 * them out.
 */
#ifndef QUEUE_COLLECT_H
#define QUEUE_COLLECT_H

#include "deadline.h"
#include "queue.h"

static inline bool ring_is_ours(const struct kaio_queue *queue)
{
	return queue->ring.header && !queue->sleepers;
}

/*
 * Of nr completions, no more than there are in flight in the line, those at the
 * front that come in the order in which the operations went in: these are no
 * longer in flight.
 */
static inline size_t account_in_order(struct kaio_queue *queue,
				      struct kaio_event *events,
				      const struct kaio_event *run, size_t nr)
{
	struct kaio_iocb **place = queue->first;
	struct kaio_iocb **const end = place + nr;

#pragma GCC unroll 2
	for (; place != end; place++) {
		if (run->obj != (uintptr_t)*place)
			break;
		*events++ = *run++;
	}
	queue->first = place;
	return nr - (size_t)(end - place);
}

/* What is in the ring; *taken: with the bell's event. */
unsigned kaio_queue_reap_ring(struct kaio_queue *queue,
			      struct kaio_event *events, unsigned max,
			      unsigned *taken);

/*
 * The same for a plain queue, where most of the time all is in order. Without
 * strays there are no more events than operations in the line.
 */
static inline unsigned reap_plainly(struct kaio_queue *queue,
				    struct kaio_event *events, unsigned max)
{
	const struct kaio_event *run;
	unsigned n = 0;
	unsigned nr, unused;

	if (likely(!queue->strays.nr)) {
		run = kaio_ring_peek(&queue->ring, &nr);
		if (!nr)
			return 0;
		n = (unsigned)account_in_order(queue, events, run,
					       nr < max ? nr : max);
		kaio_ring_advance(&queue->ring, n);
	}
	if (unlikely(n < max) && kaio_ring_ready(&queue->ring))
		n += kaio_queue_reap_ring(queue, events + n, max - n, &unused);
	return n;
}

/*
 * Watches the ring before a sleep, which may cost more than the I/O. Others may
 * collect meanwhile: afterwards all may have changed. When the wait is over,
 * kaio_queue_spin_end(), if it counts.
 */
__attribute__((cold)) void kaio_queue_spin(struct kaio_queue *queue,
					   unsigned need, int64_t deadline,
					   struct spin_wait *wait);
__attribute__((cold)) void kaio_queue_spin_end(struct kaio_queue *queue,
					       struct spin_wait *wait);

enum waiter {
	LEAVES, /* when nothing is outstanding */
	STAYS,
	DRAINS /* leaves, and ends for nothing else */
};

/*
 * One round of waiting for need completions. It ends early
 * - as soon as one makes room for the backlog, for the caller to submit;
 * - with one, where a bell may ring, or where other threads collect, too;
 * - after RETRY_NS, where the kernel has no memory for the backlog or the bell.
 * *cut: it ended by the deadline or a signal.
 */
int kaio_queue_collect(struct kaio_queue *queue, struct kaio_event *events,
		       unsigned need, unsigned max, int64_t deadline,
		       enum waiter waiter, bool *cut);

static inline bool more_is_ready(const struct kaio_queue *queue,
				 bool stopped_short)
{
	if (queue_done(queue))
		return true;
	return ring_is_ours(queue) ? kaio_ring_ready(&queue->ring) > 0
				   : stopped_short && queue_in_flight(queue);
}

/* How many completions to wait for, with n in hand, to have min. */
static inline unsigned still_needed(const struct kaio_queue *queue, unsigned n,
				    unsigned min)
{
	if (n < min &&
	    (queue_outstanding(queue) || (n == 0 && queue_is_standing(queue))))
		return min - n;
	return 0;
}

/*
 * Before anything is collected: the eventfd is cleared first of all, and what
 * waits goes in.
 */
static inline void begin(struct kaio_queue *queue)
{
	if (queue->eventfd >= 0)
		kaio_queue_lower_eventfd(queue);
	queue_hand_over(queue);
}

/* Whether a plain queue has nothing to collect and nothing to hand over. */
static inline bool is_still(const struct kaio_queue *queue)
{
	return queue->plain && queue->ring.header &&
	       queue->head == queue->room.next && !queue_done(queue) &&
	       !kaio_ring_ready(&queue->ring);
}

/* A call with bad arguments. */
static inline int refuse(const struct kaio_queue *queue)
{
	return queue_check(queue) == -ECHILD ? -ECHILD : -EINVAL;
}

#endif
