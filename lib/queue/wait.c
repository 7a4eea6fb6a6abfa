/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Waiting for completions by one absolute deadline, into the caller's array. */
#include "collect.h"

#include <limits.h>

static unsigned take_done(struct kaio_queue *queue, struct kaio_event *events,
			  unsigned max)
{
	unsigned n = 0;

	while (n < max && queue_done(queue))
		events[n++] =
			queue->done[queue->done_head++ & queue->done_mask];
	return n;
}

/* With n in hand, and what waited handed over. */
__attribute__((noinline)) static int gather(struct kaio_queue *queue,
					    struct kaio_event *events,
					    unsigned n, unsigned min,
					    unsigned max, int64_t deadline)
{
	const unsigned had = n;
	struct spin_wait wait = { .counts = false };
	bool ended;
	int ret;

	if (queue->ring.header && min > n + queue_done(queue))
		kaio_queue_spin(queue, min - n - queue_done(queue), deadline,
				&wait);
	do {
		unsigned need;
		bool woken;

		n += take_done(queue, events + n, max - n);
		need = still_needed(queue, n, min);
		woken = need && kaio_queue_was_woken(queue);
		ret = kaio_queue_collect(
			queue, events + n, woken ? 0 : need, max - n, deadline,
			n == 0 && queue_is_standing(queue) ? STAYS : LEAVES,
			&ended);
		if (ret > 0)
			n += (unsigned)ret;
		if (ret == -EINTR && kaio_queue_was_woken(queue)) {
			ret = 0;
			woken = true;
		}
		ended |= woken || ret < 0;
		queue_hand_over(queue);
		n += take_done(queue, events + n, max - n);
	} while (!ended && still_needed(queue, n, min));
	if (wait.counts)
		kaio_queue_spin_end(queue, &wait);
	if (queue->eventfd >= 0 && more_is_ready(queue, n == max || ret < 0))
		kaio_queue_raise_eventfd(queue);
	if (queue->plain)
		queue_add_room(queue, n - had);
	queue_leave(queue);
	return n || ret > 0 ? (int)n : ret;
}

static bool is_wait(const struct kaio_event *events, unsigned min, unsigned max,
		    int64_t timeout_ns)
{
	return (events || !max) && min <= max && max <= INT_MAX &&
	       timeout_ns >= KAIO_FOREVER;
}

__attribute__((cold, noinline)) static int
wait_with_care(struct kaio_queue *queue, struct kaio_event *events,
	       unsigned min, unsigned max, int64_t timeout_ns)
{
	int64_t deadline;
	int ret;

	if (!is_wait(events, min, max, timeout_ns))
		return refuse(queue);
	/* From the call: the lock and io_submit may take their time. */
	deadline = deadline_after(timeout_ns);
	ret = queue_enter(queue);
	if (ret < 0)
		return ret;
	begin(queue);
	return gather(queue, events, 0, deadline == NO_WAIT ? 0 : min, max,
		      deadline);
}

/* A plain queue has what it waits for, mostly, in the ring. */
int kaio_queue_wait(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned min, unsigned max, int64_t timeout_ns)
{
	int64_t deadline = NO_DEADLINE;
	unsigned n = 0;

	if (!queue || !queue->plain || !events || min > max || max > INT_MAX)
		return wait_with_care(queue, events, min, max, timeout_ns);
	if (unlikely(timeout_ns != KAIO_FOREVER)) {
		if (timeout_ns < 0)
			return -EINVAL;
		deadline = deadline_after(timeout_ns);
		if (deadline == NO_WAIT)
			min = 0;
	}
	queue_hand_over_here(queue);
	if (queue->ring.header && !queue_done(queue)) {
		n = reap_plainly(queue, events, max);
		if (n) {
			queue_add_room(queue, n);
			queue_hand_over(queue);
			if (n >= min)
				return (int)n;
		} else if (!min) {
			return 0;
		}
	}
	return gather(queue, events, n, min, max, deadline);
}

int kaio_queue_reap(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned max)
{
	return kaio_queue_wait(queue, events, 0, max, 0);
}
