/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "queue/collect.h"

#include "deadline.h"
#include "msan.h"
#include "queue/submit.h"
#include "queue/wakeup.h"

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* No more than there can be, whatever the ring says. */
static unsigned events_in_flight(const struct kaio_queue *queue)
{
	return queue->inflight + queue->wakeup_armed;
}

/* events may be where done ends. */
static inline unsigned append(struct kaio_queue *queue,
			      const struct kaio_event *events, unsigned nr)
{
	unsigned tail = queue->done_tail;
	unsigned n;

	msan_unpoison_reads(events, nr);
	for (; nr; nr--, events++) {
		queue->done[tail & queue->done_mask] = *events;
		if (unlikely(events->obj == (uintptr_t)&queue->wakeup))
			kaioq_wakeup_collected(queue);
		else
			tail++;
	}
	n = tail - queue->done_tail;
	queue->done_tail = tail;
	queue->inflight -= n;
	return n;
}

unsigned kaioq_collect_ring(struct kaio_queue *queue)
{
	const struct kaio_event *run;
	unsigned n = 0;
	unsigned nr;

	while ((run = kaio_ring_peek(&queue->ring, &nr))) {
		nr = smaller(nr, events_in_flight(queue));
		if (!nr)
			break;
		n += append(queue, run, nr);
		kaio_ring_advance(&queue->ring, nr);
	}
	return n;
}

static int io_getevents(struct kaio_queue *queue, bool use_pgetevents,
			struct kaio_event *events, unsigned min, unsigned nr,
			int64_t timeout_ns)
{
	struct timespec time;
	const struct timespec *timeout = as_timespec(timeout_ns, &time);
	int ret;

	queue->stats.getevents_calls++;
	if (min) {
		queue->in_kernel = true;
		queue_unlock(queue);
	}
	ret = use_pgetevents
		      ? kaio_pgetevents(queue->ctx, min, nr, events, timeout,
					NULL)
		      : kaio_getevents(queue->ctx, min, nr, events, timeout);
	if (min) {
		queue_lock(queue);
		queue->in_kernel = false;
	}
	return ret;
}

static bool is_refused(int ret)
{
	return ret == -ENOSYS || ret == -EPERM;
}

/* Where a policy refuses the one system call, it may allow the other. */
static int io_collect(struct kaio_queue *queue, struct kaio_event *events,
		      unsigned min, unsigned nr, int64_t timeout_ns)
{
	bool use_pgetevents = queue->use_pgetevents;
	int ret = io_getevents(queue, use_pgetevents, events, min, nr,
			       timeout_ns);
	int other;

	if (!is_refused(ret))
		return ret;
	other = io_getevents(queue, !use_pgetevents, events, min, nr,
			     timeout_ns);
	if (is_refused(other))
		return ret;
	queue->use_pgetevents = !use_pgetevents;
	return other;
}

/* Room at the end of done, in one piece. */
static struct kaio_event *done_room(struct kaio_queue *queue, unsigned *nr)
{
	unsigned tail;

	if (!queue_done(queue))
		queue->done_head = queue->done_tail = 0;
	tail = queue->done_tail & queue->done_mask;
	*nr = queue->done_mask + 1 - tail;
	return queue->done + tail;
}

int kaioq_collect_kernel(struct kaio_queue *queue, unsigned min_nr,
			 int64_t timeout_ns)
{
	/* Other threads use done meanwhile. */
	struct kaio_event batch[64];
	unsigned total = 0;
	unsigned nr;
	int ret;

	do {
		struct kaio_event *events = batch;

		nr = sizeof(batch) / sizeof(*batch);
		if (!(queue->flags & KAIO_QUEUE_SHARED))
			events = done_room(queue, &nr);
		nr = smaller(nr, events_in_flight(queue));
		if (!nr)
			nr = 1;
		ret = io_collect(queue, events, smaller(min_nr, nr), nr,
				 timeout_ns);
		if (ret > 0)
			total += append(queue, events, (unsigned)ret);
	} while (ret == (int)nr && !min_nr && queue->inflight);
	queue->reaped_by_syscall += total;
	if (ret == -EINVAL)
		kaioq_is_gone(queue);
	/* It may be the answer even to one that did not wait. */
	if (ret == -EINTR && !min_nr)
		ret = 0;
	/*
	 * There may be more, which raised the eventfd before it was lowered: by
	 * the caller, or by a thread that left all to the reaper.
	 */
	if ((ret < 0 || ret == (int)nr || queue->eventfd_missed) &&
	    queue->eventfd >= 0 && queue->inflight)
		kaioq_raise_eventfd(queue);
	queue->eventfd_missed = false;
	return total || ret >= 0 ? (int)total : ret;
}
