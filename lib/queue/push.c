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
		queue_set_tail(queue, queue->slots + pending);
	}
	return queue->tail;
}

static int push(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	int ret;

	if (!queue_room(queue))
		return -ENOBUFS;
	ret = use_eventfd(queue, iocb);
	if (ret < 0)
		return ret;
	*slots_for(queue, 1) = iocb;
	queue_set_tail(queue, queue->tail + 1);
	queue_set_push_end(queue);
	return 0;
}

__attribute__((noinline)) static int push_slow(struct kaio_queue *queue,
					       struct kaio_iocb *iocb)
{
	int ret = queue_enter(queue);

	if (ret < 0)
		return ret;
	ret = iocb ? push(queue, iocb) : -EINVAL;
	queue_unlock(queue);
	return ret;
}

int kaio_queue_push(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	struct kaio_iocb **tail;

	if (!queue || !iocb)
		return push_slow(queue, iocb);
	tail = __atomic_load_n(&queue->tail, __ATOMIC_RELAXED);
	if (tail >= queue->push_end)
		return push_slow(queue, iocb);
	*tail = iocb;
	queue->tail = tail + 1;
	return 0;
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
			kaioq_reject(queue, iocb, error);
		else
			*tail++ = iocb;
	}
	queue_set_tail(queue, tail);
	queue_set_push_end(queue);
	return nr;
}

bool kaioq_push_cancelled(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	if (queue_outstanding(queue) > queue->capacity)
		return false;
	kaioq_cancel(queue, iocb);
	queue_set_push_end(queue);
	return true;
}

static int cancel(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	struct kaio_iocb **slot = queue->head;
	struct kaio_event unused;

	while (slot < queue->tail && *slot != iocb)
		slot++;
	if (slot < queue->tail) {
		if (slot == queue->head)
			queue->retries = 0;
		queue_set_tail(queue, queue->tail - 1);
		memmove(slot, slot + 1,
			(size_t)(queue->tail - slot) * sizeof(*slot));
		kaioq_cancel(queue, iocb);
		queue_set_push_end(queue);
		return 0;
	}
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

void kaioq_cancel_range(struct kaio_queue *queue, const void *from,
			const void *to)
{
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
		kaioq_cancel(queue, iocb);
	}
	queue_set_tail(queue, tail);
	queue_set_push_end(queue);
}
