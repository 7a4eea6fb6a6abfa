/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Completions that pass through done: those that are collected to stay there,
 * and those that are called back for.
 */
#include "collect.h"

#include <kaio/prep.h>

#include <limits.h>

/* Calls of kaio_queue_run() within each other, on one thread. */
#define RUN_DEPTH_MAX 16

/* Not into done itself: other threads put their completions there meanwhile. */
__attribute__((noinline)) static int
collect_done_among_threads(struct kaio_queue *queue, unsigned need,
			   int64_t deadline, enum waiter waiter, bool *cut)
{
	struct kaio_event batch[64];
	const unsigned max = sizeof(batch) / sizeof(*batch);
	int ret = kaio_queue_collect(queue, batch, need < max ? need : max, max,
				     deadline, waiter, cut);
	int i;

	for (i = 0; i < ret; i++)
		queue->done[queue->done_tail++ & queue->done_mask] = batch[i];
	return ret;
}

static int collect_done(struct kaio_queue *queue, unsigned need,
			int64_t deadline, enum waiter waiter, bool *cut)
{
	unsigned max = queue->done_mask + 1 - queue_done(queue);
	unsigned tail;
	int ret;

	if (queue->flags & KAIO_QUEUE_SHARED)
		return collect_done_among_threads(queue, need, deadline, waiter,
						  cut);
	if (!queue_done(queue))
		queue->done_head = queue->done_tail = 0;
	tail = queue->done_tail & queue->done_mask;
	if (max > queue->done_mask + 1 - tail)
		max = queue->done_mask + 1 - tail;
	ret = kaio_queue_collect(queue, queue->done + tail,
				 need < max ? need : max, max, deadline, waiter,
				 cut);
	if (ret > 0)
		queue->done_tail += (unsigned)ret;
	return ret;
}

__attribute__((cold)) int kaio_queue_drain(struct kaio_queue *queue,
					   int64_t timeout_ns)
{
	int64_t deadline;
	int ret;

	if (timeout_ns < KAIO_FOREVER)
		return refuse(queue);
	deadline = deadline_after(timeout_ns);
	ret = queue_enter(queue);
	if (ret < 0)
		return ret;
	begin(queue);
	while (queue_outstanding(queue) && ret >= 0) {
		bool ended;

		ret = collect_done(queue, UINT_MAX, deadline, DRAINS, &ended);
		queue_hand_over(queue);
		if (ret >= 0 && ended)
			ret = time_left(deadline) ? -EINTR : -ETIMEDOUT;
	}
	if (!queue_outstanding(queue))
		ret = 0;
	if (queue->eventfd >= 0 && more_is_ready(queue, ret < 0))
		kaio_queue_raise_eventfd(queue);
	queue_leave(queue);
	return ret < 0 ? ret : 0;
}

static struct kaio_op *op_of(const struct kaio_event *event)
{
	return (struct kaio_op *)kaio_event_iocb(event);
}

static const struct kaio_event *next_done(const struct kaio_queue *queue)
{
	return queue->done + (queue->done_head & queue->done_mask);
}

static void call_back(struct kaio_queue *queue)
{
	const struct kaio_event *event = next_done(queue);
	struct kaio_op *op = op_of(event);
	int64_t res = event->res;

	queue->done_head++;
	if (queue->plain) {
		queue_add_room(queue, 1);
		op->complete(op, res);
		return;
	}
	queue_leave(queue);
	op->complete(op, res);
	queue_lock(queue);
}

/* Most of the time all that a plain queue is to call back for is in the ring.
 */
static inline bool collect_plainly(struct kaio_queue *queue)
{
	if (!queue->plain || !queue->ring.header || queue_done(queue))
		return false;
	queue->done_head = 0;
	queue->done_tail =
		reap_plainly(queue, queue->done, queue->done_mask + 1);
	return true;
}

static bool is_hungry(const struct kaio_queue *queue)
{
	return queue->guest && guest_is_hungry(queue->guest);
}

static void refill(struct kaio_queue *queue)
{
	struct queue_guest *guest = queue->guest;

	queue_leave(queue);
	guest->refill(guest);
	queue_lock(queue);
}

/*
 * What room the guest's operations have left is the guest's, before a callback
 * of the program's may use it.
 */
__attribute__((noinline)) static void
refill_before_callback(struct kaio_queue *queue)
{
	if (op_of(next_done(queue))->complete != queue->guest->complete)
		refill(queue);
}

/*
 * Completions pass through done, so that a callback that runs the queue again
 * goes on with those that this call has collected. Only those that are there
 * before the callbacks begin are handed out between two looks at min: one that
 * pushes its operation again does not keep the caller here for ever.
 */
static int run(struct kaio_queue *queue, unsigned min, int64_t deadline,
	       bool *cut)
{
	struct spin_wait wait = { .counts = false };
	unsigned n = 0;
	bool woken = false;
	bool ended = false;
	int ret = 0;

	begin(queue);
	do {
		bool collected = collect_plainly(queue);
		unsigned need;
		unsigned batch;

		if (n == 0 && queue->ring.header && min > queue_done(queue))
			kaio_queue_spin(queue, min - queue_done(queue),
					deadline, &wait);
		need = still_needed(queue, n + queue_done(queue), min);
		if (need || !collected) {
			woken = need && kaio_queue_was_woken(queue);
			ret = collect_done(queue, woken ? 0 : need, deadline,
					   need && !queue_outstanding(queue)
						   ? STAYS
						   : LEAVES,
					   &ended);
			if (ret == -EINTR && kaio_queue_was_woken(queue)) {
				ret = 0;
				woken = true;
			}
			ended |= woken || ret < 0;
		}
		if (wait.counts)
			kaio_queue_spin_end(queue, &wait);
		/* Before the callbacks, for they may take long; and after. */
		queue_hand_over(queue);
		for (batch = queue_done(queue); batch && queue_done(queue);
		     batch--) {
			if (unlikely(is_hungry(queue))) {
				refill_before_callback(queue);
				if (!queue_done(queue))
					break;
			}
			call_back(queue);
			n++;
		}
		if (is_hungry(queue))
			refill(queue);
		queue_hand_over(queue);
	} while (!ended && (still_needed(queue, n, min) ||
			    (n < min && queue_done(queue))));
	if (queue->eventfd >= 0 && more_is_ready(queue, ret != 0))
		kaio_queue_raise_eventfd(queue);
	*cut = woken || ret < 0 || (ended && time_left(deadline));
	return n || ret > 0 ? (int)n : ret;
}

/* One more call of this thread's, unless there are too many. */
static bool push_frame(struct kaio_queue *queue, struct run_frame *frame)
{
	const struct run_frame *other;
	unsigned own = 0;

	frame->thread = pthread_self();
	for (other = queue->frames; other; other = other->next)
		own += pthread_equal(other->thread, frame->thread) != 0;
	if (own >= RUN_DEPTH_MAX)
		return false;
	frame->next = queue->frames;
	queue->frames = frame;
	return true;
}

/* Calls of other threads may have come and gone meanwhile. */
static void pop_frame(struct kaio_queue *queue, const struct run_frame *frame)
{
	struct run_frame **link = &queue->frames;

	while (*link != frame)
		link = &(*link)->next;
	*link = frame->next;
}

int kaio_queue_run_until(struct kaio_queue *queue, unsigned min,
			 int64_t deadline, bool *cut)
{
	struct run_frame frame;
	int ret = queue_enter(queue);

	if (ret < 0)
		return ret;
	if (push_frame(queue, &frame)) {
		ret = run(queue, deadline == NO_WAIT ? 0 : min, deadline, cut);
		pop_frame(queue, &frame);
	} else {
		ret = -ELOOP;
	}
	queue_leave(queue);
	return ret;
}

int kaio_queue_run(struct kaio_queue *queue, unsigned min, int64_t timeout_ns)
{
	bool cut;

	if (!queue || min > INT_MAX || timeout_ns < KAIO_FOREVER)
		return refuse(queue);
	return kaio_queue_run_until(queue, min, deadline_after(timeout_ns),
				    &cut);
}
