/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * An operation that kaio_queue_push() accepted is in exactly one of three
 * places, and moves through them in this order:
 *
 *   pending  pushed, not yet in the kernel: pending[head, tail), first in first
 *            out;
 *   flight   in the kernel, its completion not yet taken from it;
 *   done     completed, not yet with the caller: done[done_head, done_tail).
 *            Made here for an operation the kernel would not take, or collected
 *            by kaio_queue_drain(). What kaio_queue_wait() collects goes to the
 *            caller's array at once.
 *
 * As no more than capacity of them are outstanding, and pending and done have
 * room for as many, neither overflows. head, tail, done_head and done_tail run
 * freely and are masked on access.
 *
 * An iocb is not touched after the kernel took it: it may be gone. (One that
 * the kernel let go of with its context is read once more, for its data.)
 */
#ifndef QUEUE_H
#define QUEUE_H

#include "flight.h"

#include <kaio/queue.h>
#include <kaio/ring.h>

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

/* The owner of a queue whose memory the kernel wipes in children. */
#define WIPED_BY_FORK (-1)

struct kaio_queue {
	pid_t owner; /* WIPED_BY_FORK, or the pid to compare; 0: wiped */
	unsigned depth;
	unsigned capacity;
	kaio_context_t ctx;
	struct kaio_ring ring; /* its header is NULL where there is none */

	struct kaio_iocb **pending;
	struct kaio_event *done;
	unsigned mask; /* of pending and of done */
	unsigned head, tail;
	unsigned done_head, done_tail;
	struct flight flight;

	unsigned refusals; /* in a row, of the head of pending */
	struct kaio_queue_stats stats;
	size_t mapped; /* bytes: this structure and its arrays */
};

static inline unsigned queue_pending(const struct kaio_queue *queue)
{
	return queue->tail - queue->head;
}

static inline int queue_check(const struct kaio_queue *queue)
{
	if (!queue)
		return -EINVAL;
	if (queue->owner == WIPED_BY_FORK || queue->owner == getpid())
		return 0;
	return -ECHILD;
}

/* Hands pending over as far as there is room; how many the kernel took. */
int kaio_queue_hand_over(struct kaio_queue *queue);

/* Makes the completion of an operation that the kernel does not have. */
void kaio_queue_complete(struct kaio_queue *queue, const struct kaio_iocb *iocb,
			 int error);

/*
 * To be asked after an -EINVAL: is it the context's? With it went its ring and
 * the completions that were to come, so that all operations fail.
 */
bool kaio_queue_fail_if_dead(struct kaio_queue *queue);

#endif
