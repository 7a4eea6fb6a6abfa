/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Collecting into the caller's array. */
#include "queue/wait.h"

#include "msan.h"

#include <limits.h>

static unsigned take_done(struct kaio_queue *queue, struct kaio_event *events,
			  unsigned max)
{
	unsigned n = 0;

	while (n < max && queue_done(queue))
		events[n++] =
			queue->done[queue->done_head++ & queue->done_mask];
	if (queue->fast)
		queue_delivered_fast(queue, n);
	return n;
}

/* From the ring, up to the wrap; if not fast, up to the wakeup's event. */
__attribute__((always_inline)) static inline unsigned
reap_ring(struct kaio_queue *queue, bool fast, struct kaio_event *events,
	  unsigned max)
{
	unsigned nr, i;
	const struct kaio_event *run = kaio_ring_peek(&queue->ring, &nr);

	if (nr > max)
		nr = max;
	if (nr > queue->inflight)
		nr = queue->inflight;
	for (i = 0; !fast && i < nr; i++)
		if (run[i].obj == (uintptr_t)&queue->wakeup)
			nr = i;
	if (!nr)
		return 0;
	msan_unpoison_reads(run, nr);
	if (nr == 1)
		*events = *run;
	else
		memcpy(events, run, nr * sizeof(*run));
	kaio_ring_advance(&queue->ring, nr);
	queue->inflight -= nr;
	if (fast)
		queue_delivered_fast(queue, nr);
	return nr;
}

/* With n in hand. */
__attribute__((noinline)) static int wait_slow(struct kaio_queue *queue,
					       struct kaio_event *events,
					       unsigned n, unsigned min,
					       unsigned max, int64_t deadline)
{
	struct queue_wait wait = { .deadline = deadline };
	int ret = queue_enter_wait(queue);
	unsigned nr;
	bool more;

	if (ret < 0)
		return ret;
	queue_begin(queue);
	/* Not by done, but where an eventfd has to tell of those over max. */
	if (!queue->fast && queue->eventfd < 0 && !queue_has_waiting(queue)) {
		queue_submit(queue);
		while (!queue->in_kernel && !queue_done(queue) &&
		       queue_can_read_ring(queue) &&
		       (nr = reap_ring(queue, false, events + n, max - n)))
			n += nr;
		queue_submit_pending(queue);
	}
	for (more = !n || n < min; more; more = !ret && !wait.interrupted &&
						n < min &&
						queue_has_more(queue)) {
		wait.min = min > n ? min - n : 0;
		wait.has_taken = n > 0;
		wait.when_idle = n == 0 && queue_waits_when_idle(queue);
		ret = kaioq_await(queue, &wait);
		queue_submit_pending(queue);
		n += take_done(queue, events + n, max - n);
	}
	queue_leave(queue);
	return n ? (int)n : ret;
}

int kaio_queue_wait(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned min, unsigned max, int64_t timeout_ns)
{
	int64_t deadline = NO_DEADLINE;
	unsigned n = 0;

	if (unlikely(!queue || (!events && max) || min > max || max > INT_MAX ||
		     timeout_ns < KAIO_FOREVER))
		return queue_refuse(queue);
	/* From the call: the lock and io_submit may take their time. */
	if (unlikely(timeout_ns != KAIO_FOREVER)) {
		deadline = deadline_after(timeout_ns);
		if (deadline == NO_WAIT)
			min = 0;
	}
	if (unlikely(!queue->fast))
		return wait_slow(queue, events, 0, min, max, deadline);
	queue_submit(queue);
	/* It has what it waits for, mostly, in the ring. */
	if (likely(queue->ring.header)) {
		if (unlikely(queue_done(queue)))
			n = take_done(queue, events, max);
		n += reap_ring(queue, true, events + n, max - n);
		if (unlikely(n < min))
			n += reap_ring(queue, true, events + n, max - n);
		if (n >= min && (n || queue_can_read_ring(queue))) {
			queue_submit_pending(queue);
			return (int)n;
		}
	}
	return wait_slow(queue, events, n, min, max, deadline);
}

int kaio_queue_reap(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned max)
{
	return kaio_queue_wait(queue, events, 0, max, 0);
}

__attribute__((cold)) int kaio_queue_drain(struct kaio_queue *queue,
					   int64_t timeout_ns)
{
	struct queue_wait wait = { .min = UINT_MAX, .drain = true };
	int ret;

	if (timeout_ns < KAIO_FOREVER)
		return queue_refuse(queue);
	wait.deadline = deadline_after(timeout_ns);
	ret = queue_enter_wait(queue);
	if (ret < 0)
		return ret;
	ret = kaioq_await(queue, &wait);
	queue_leave(queue);
	if (ret == 0 && wait.interrupted)
		return -ETIMEDOUT;
	return ret;
}
