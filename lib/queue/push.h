/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Into the slots of pending operations. All of it with the lock. */
#ifndef QUEUE_PUSH_H
#define QUEUE_PUSH_H

#include "queue/queue.h"

/*
 * Pushes the iocbs of an array, stride bytes apart, as far as there is room;
 * how many that was. One that must not be pushed completes with its error.
 */
unsigned kaioq_push_array(struct kaio_queue *queue, void *array, size_t stride,
			  unsigned nr);

/*
 * For one that is to complete with -ECANCELED: there is room for one of them
 * though others have it all. False if there is one already.
 */
bool kaioq_push_cancelled(struct kaio_queue *queue, struct kaio_iocb *iocb);

/* The same for a fast queue, if there is room for all; of one at least. */
static inline bool queue_push_all(struct kaio_queue *queue, void *array,
				  size_t stride, unsigned nr)
{
	struct kaio_iocb **slot = queue->tail;
	struct kaio_iocb **end;

	if (queue->push_end - slot < (ptrdiff_t)nr)
		return false;
	end = queue->tail = slot + nr;
	do {
		*slot++ = array;
		array = (char *)array + stride;
	} while (slot != end);
	return true;
}

/* Cancels all pending operations whose iocbs are in [from, to); how many. */
unsigned kaioq_cancel_range(struct kaio_queue *queue, const void *from,
			    const void *to);

#endif
