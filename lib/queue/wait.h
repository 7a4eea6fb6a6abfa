/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The one way to wait, by which all functions wait. All of it with the lock. */
#ifndef QUEUE_WAIT_H
#define QUEUE_WAIT_H

#include "deadline.h"
#include "queue/collect.h"
#include "queue/submit.h"
#include "queue/wakeup.h"

#include <errno.h>
#include <stddef.h>

static inline bool queue_transfer_is_over(const struct queue_wait *wait)
{
	return wait->post &&
	       __atomic_load_n(wait->post, __ATOMIC_ACQUIRE) != wait->last;
}

/* In a shared queue other threads may take the first one meanwhile. */
static inline unsigned queue_enough(const struct kaio_queue *queue,
				    const struct queue_wait *wait)
{
	bool any = wait->calls_back || queue->flags & KAIO_QUEUE_SHARED;

	return any && wait->min ? 1 : wait->min;
}

static inline bool queue_wait_is_over(const struct kaio_queue *queue,
				      const struct queue_wait *wait)
{
	if (queue->gone)
		return true;
	if (wait->drain)
		return !queue_is_busy(queue);
	return queue_done(queue) >= queue_enough(queue, wait) ||
	       READ_ONCE(queue->woken) || queue_transfer_is_over(wait) ||
	       (!wait->when_idle && !queue_is_busy(queue));
}

/*
 * Submits and collects until wait is over; with a min of 0 only once. The
 * completions are in done then. 0 or a negative errno.
 */
int kaioq_await(struct kaio_queue *queue, struct queue_wait *wait);

/*
 * The same for waits that call back: a fast queue has what they wait for,
 * mostly, in the ring.
 */
static inline int queue_await(struct kaio_queue *queue, struct queue_wait *wait)
{
	if (likely(queue->fast && queue->ring.header)) {
		queue_submit(queue);
		/* Not if the context is gone, as that has found. */
		if (likely(queue->ring.header) && kaioq_collect_ring(queue))
			return 0;
	}
	return kaioq_await(queue, wait);
}

/*
 * One round of kaio_queue_run(): waits, and calls back, without the lock, for
 * what was there before the first of them, so that one which pushes its
 * operation again does not keep the caller here. How many that were, or a
 * negative errno.
 */
int kaioq_run_once(struct kaio_queue *queue, struct queue_wait *wait);

/* Whether it is worth to wait for more. */
static inline bool queue_has_more(const struct kaio_queue *queue)
{
	return queue_is_busy(queue) || queue_done(queue) ||
	       queue_has_waiting(queue);
}

/*
 * What a function that collects begins with. It is a cancellation point, here
 * and in sleep_until_changed(), where it holds nothing.
 */
static inline int queue_enter_wait(struct kaio_queue *queue)
{
	if (queue && !queue->fast)
		pthread_testcancel();
	return queue_enter(queue);
}

static inline void queue_begin(struct kaio_queue *queue)
{
	if (queue->eventfd >= 0)
		kaioq_lower_eventfd(queue);
}

/* For a call with bad arguments. */
static inline int queue_refuse(const struct kaio_queue *queue)
{
	return queue_check(queue) == -ECHILD ? -ECHILD : -EINVAL;
}

#endif
