/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Into the slots of pending operations, and out of them before the kernel. */
#include "queue/push.h"

#include "queue/submit.h"

#include <kaio/prep.h>

#include <string.h>

/* The one error of an operation that is reported at the push. */
static int use_eventfd(const struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	if (queue->eventfd < 0)
		return 0;
	if (iocb->flags & KAIO_IOCB_RESFD &&
	    iocb->resfd != (uint32_t)queue->eventfd)
		return -EINVAL;
	kaio_iocb_set_eventfd(iocb, queue->eventfd);
	return 0;
}

/*
 * Slots for so many operations, which there is room for. Amortised O(1): there
 * were at least as many pushes since the last move as are moved.
 */
static struct kaio_iocb **slots_for(struct kaio_queue *queue, unsigned nr)
{
	unsigned pending = queue_pending(queue);

	if ((size_t)(queue->slots_end - queue->tail) < nr) {
		memmove(queue->slots, queue->head,
			pending * sizeof(*queue->slots));
		queue->head = queue->slots;
		WRITE_ONCE(queue->tail, queue->slots + pending);
		queue_set_push_end(queue);
	}
	return queue->tail;
}

unsigned kaioq_push_array(struct kaio_queue *queue, void *array, size_t stride,
			  unsigned nr)
{
	unsigned room = queue_room(queue);
	struct kaio_iocb **tail;
	unsigned i;

	if (nr > room)
		nr = room;
	tail = slots_for(queue, nr);
	for (i = 0; i < nr; i++) {
		struct kaio_iocb *iocb = array;
		int error = use_eventfd(queue, iocb);

		array = (char *)array + stride;
		if (error < 0)
			kaioq_complete(queue, iocb, error);
		else
			*tail++ = iocb;
	}
	WRITE_ONCE(queue->tail, tail);
	return nr;
}

__attribute__((noinline)) static int push_slow(struct kaio_queue *queue,
					       struct kaio_iocb *iocb)
{
	int ret = queue_enter(queue);

	if (ret < 0)
		return ret;
	ret = iocb ? -ENOBUFS : -EINVAL;
	if (iocb && queue_room(queue))
		ret = use_eventfd(queue, iocb);
	if (ret == 0) {
		*slots_for(queue, 1) = iocb;
		WRITE_ONCE(queue->tail, queue->tail + 1);
	}
	queue_unlock(queue);
	return ret;
}

int kaio_queue_push(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	struct kaio_iocb **tail;

	if (!queue || !iocb)
		return push_slow(queue, iocb);
	tail = READ_ONCE(queue->tail);
	if (tail >= queue->push_end)
		return push_slow(queue, iocb);
	*tail = iocb;
	queue->tail = tail + 1;
	return 0;
}

bool kaioq_push_cancelled(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	if (queue_outstanding(queue) > queue->capacity)
		return false;
	kaioq_complete(queue, iocb, -ECANCELED);
	queue_set_push_end(queue);
	return true;
}

unsigned kaioq_cancel_range(struct kaio_queue *queue, const void *from,
			    const void *to)
{
	unsigned before = queue_pending(queue);
	struct kaio_iocb **tail = queue->head;
	struct kaio_iocb **slot;

	for (slot = queue->head; slot < queue->tail; slot++) {
		struct kaio_iocb *iocb = *slot;

		if ((uintptr_t)iocb < (uintptr_t)from ||
		    (uintptr_t)iocb >= (uintptr_t)to) {
			*tail++ = iocb;
			continue;
		}
		if (slot == queue->head)
			queue->retries = 0;
		kaioq_complete(queue, iocb, -ECANCELED);
	}
	WRITE_ONCE(queue->tail, tail);
	queue_set_push_end(queue);
	return before - queue_pending(queue);
}

static int cancel(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	struct kaio_event unused;

	if (kaioq_cancel_range(queue, iocb, iocb + 1))
		return 0;
	queue->stats.cancel_calls++;
	return kaio_cancel(queue->ctx, iocb, &unused) == -EINPROGRESS ? 0
								      : -EBUSY;
}

int kaio_queue_cancel(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	int ret = queue_enter(queue);

	if (ret < 0)
		return ret;
	ret = iocb ? cancel(queue, iocb) : -EINVAL;
	queue_leave(queue);
	return ret;
}
