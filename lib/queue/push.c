/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Into the line, and out of it again before the kernel has had it. */
#include "queue.h"

#include <kaio/prep.h>

#include <string.h>

/* All errors of io_submit are for later but one: whose eventfd is it? */
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

static unsigned room_for(const struct kaio_queue *queue)
{
	return queue->capacity - queue_pending(queue) - queue_in_flight(queue) -
	       queue_done(queue);
}

/* Fewer steps than there were pushes since the last time. */
static void move_line_to_front(struct kaio_queue *queue)
{
	ptrdiff_t by = queue->first - queue->line;

	memmove(queue->line, queue->first,
		(size_t)(queue->room.next - queue->first) *
			sizeof(*queue->line));
	queue->first -= by;
	queue->head -= by;
	queue_set_tail(queue, queue->room.next - by);
}

/* Places for so many at the end of the line; there is room for them. */
static struct kaio_iocb **places_for(struct kaio_queue *queue, unsigned nr)
{
	if ((size_t)(queue->line_end - queue->room.next) < nr)
		move_line_to_front(queue);
	return queue->room.next;
}

/* To be called after all that may leave less room than there was. */
static void set_limit(struct kaio_queue *queue)
{
	unsigned room = room_for(queue);

	if (!queue->plain)
		return;
	queue->room.end = queue->line_end;
	if ((size_t)(queue->line_end - queue->room.next) > room)
		queue->room.end = queue->room.next + room;
}

int kaio_queue_push_slowly(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	int ret = queue_enter(queue);

	if (ret < 0)
		return ret;
	if (!iocb)
		ret = -EINVAL;
	else if (!room_for(queue))
		ret = -ENOBUFS;
	else
		ret = use_eventfd(queue, iocb);
	if (ret == 0) {
		*places_for(queue, 1) = iocb;
		queue_set_tail(queue, queue->room.next + 1);
		set_limit(queue);
	}
	queue_unlock(queue);
	return ret;
}

static inline int put_row(struct kaio_queue *queue, void *row, size_t stride,
			  unsigned *nr)
{
	struct kaio_iocb **place;
	unsigned left = *nr;
	int ret = 0;

	if (left > room_for(queue)) {
		left = room_for(queue);
		ret = -ENOBUFS;
	}
	for (place = places_for(queue, left); left; left--) {
		int error = use_eventfd(queue, row);

		if (error < 0) {
			ret = error;
			break;
		}
		*place++ = row;
		row = (char *)row + stride;
	}
	*nr = (unsigned)(place - queue->room.next);
	queue_set_tail(queue, place);
	set_limit(queue);
	return ret;
}

int kaio_queue_push_row(struct kaio_queue *queue, void *row, size_t stride,
			unsigned *nr)
{
	int ret;

	queue_lock(queue);
	ret = put_row(queue, row, stride, nr);
	queue_unlock(queue);
	return ret;
}

unsigned kaio_queue_submit_row(struct kaio_queue *queue, void *row,
			       size_t stride, unsigned nr)
{
	queue_lock(queue);
	put_row(queue, row, stride, &nr);
	queue_hand_over_here(queue);
	queue_leave(queue);
	return nr;
}

static bool is_in_flight(const struct kaio_queue *queue,
			 const struct kaio_iocb *iocb)
{
	struct kaio_iocb **place = queue->first;

	while (place < queue->head)
		if (*place++ == iocb)
			return true;
	return queue->strays.nr && strays_find(&queue->strays, (uintptr_t)iocb);
}

static int cancel(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	struct kaio_iocb **place = queue->head;
	struct kaio_event unused;

	while (place < queue->room.next && *place != iocb)
		place++;
	if (place < queue->room.next) {
		queue_set_tail(queue, queue->room.next - 1);
		memmove(place, place + 1,
			(size_t)(queue->room.next - place) * sizeof(*place));
		kaio_queue_complete(queue, iocb, -ECANCELED);
		queue->stats.canceled++;
		set_limit(queue);
		return 0;
	}
	if (!is_in_flight(queue, iocb))
		return -ENOENT;
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

void kaio_queue_withdraw(struct kaio_queue *queue, const void *from,
			 const void *to)
{
	struct kaio_iocb **place;
	struct kaio_iocb **tail;
	struct kaio_iocb **end;

	queue_lock(queue);
	end = queue->room.next;
	tail = queue->head;
	for (place = queue->head; place < end; place++) {
		struct kaio_iocb *iocb = *place;

		if ((uintptr_t)iocb < (uintptr_t)from ||
		    (uintptr_t)iocb >= (uintptr_t)to) {
			*tail++ = iocb;
			continue;
		}
		kaio_queue_complete(queue, iocb, -ECANCELED);
		queue->stats.canceled++;
	}
	queue_set_tail(queue, tail);
	set_limit(queue);
	queue_leave(queue);
}
