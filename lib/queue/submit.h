/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* From pending to the kernel. All of it with the lock. */
#ifndef QUEUE_SUBMIT_H
#define QUEUE_SUBMIT_H

#include "queue/queue.h"

#include <sys/syscall.h>

/* Completes an operation that the kernel does not have: done gets its error. */
void kaioq_complete(struct kaio_queue *queue, const struct kaio_iocb *iocb,
		    int error);

/*
 * To be asked after an -EINVAL: has somebody else destroyed the context? Then
 * queue->gone is set.
 */
bool kaioq_is_gone(struct kaio_queue *queue);

/* How many pending operations the context has room for. */
static inline long queue_fitting(const struct kaio_queue *queue)
{
	unsigned pending = queue_pending(queue);
	unsigned room = queue->depth - queue->inflight;

	return pending < room ? pending : room;
}

/* As kaio_submit(), but inline: it is in the path of every batch. */
static inline long queue_io_submit(struct kaio_queue *queue, long nr)
{
	queue->stats.submit_calls++;
	return syscall(SYS_io_submit, queue->ctx, nr, queue->head);
}

static inline void queue_accepted(struct kaio_queue *queue, long nr)
{
	queue->head += nr;
	queue->inflight += (unsigned)nr;
	queue->retries = 0;
	queue->stats.submitted += (unsigned long)nr;
}

/* What follows an io_submit of nr that returned ret; errno was saved. */
__attribute__((cold)) int kaioq_submit_rest(struct kaio_queue *queue, long nr,
					    long ret, int saved);

/* Submits as far as there is room; how many the kernel took. */
static inline int queue_submit(struct kaio_queue *queue)
{
	long nr = queue_fitting(queue);
	int saved;
	long ret;

	if (!nr)
		return 0;
	saved = errno;
	ret = queue_io_submit(queue, nr);
	if (unlikely(ret != nr))
		return kaioq_submit_rest(queue, nr, ret, saved);
	queue_accepted(queue, nr);
	return (int)nr;
}

/* The same, where it is mostly nothing. */
int kaioq_submit(struct kaio_queue *queue);

static inline void queue_submit_pending(struct kaio_queue *queue)
{
	if (unlikely(queue->head != queue->tail))
		kaioq_submit(queue);
}

/* The kernel has no memory for what is pending: there is room, and yet. */
static inline bool queue_is_short_of_memory(const struct kaio_queue *queue)
{
	return queue->head != queue->tail && queue->inflight < queue->depth;
}

#endif
