/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* From the kernel to the list of completions. All of it with the lock. */
#ifndef QUEUE_COLLECT_H
#define QUEUE_COLLECT_H

#include "queue/queue.h"

/*
 * Whether completions are to be read from the ring: not where its indexes make
 * no sense, which the kernel puts right in io_getevents.
 */
static inline bool queue_can_read_ring(const struct kaio_queue *queue)
{
	const struct kaio_ring_header *header = queue->ring.header;

	return header && READ_ONCE(header->head) < queue->ring.nr &&
	       READ_ONCE(header->tail) < queue->ring.nr;
}

/* What is in the ring; how many operations that was. */
unsigned kaioq_collect_ring(struct kaio_queue *queue);

/*
 * By io_getevents, which waits for min_nr events, of the wakeup too. With a
 * min_nr it goes without the lock, and the caller is the reaper.
 */
int kaioq_collect_kernel(struct kaio_queue *queue, unsigned min_nr,
			 int64_t timeout_ns);

#endif
