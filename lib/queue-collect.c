/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * From the kernel to the caller: collecting completions, and waiting for them
 * by one absolute deadline.
 */
#include "queue.h"

#include <limits.h>

/* How long a waiter leaves a kernel without memory alone. */
#define RETRY_NS 4000000

/* Deadlines are on CLOCK_MONOTONIC, in nanoseconds; but: */
#define NO_WAIT 0
#define NO_DEADLINE INT64_MAX

static unsigned take_done(struct kaio_queue *queue, struct kaio_event *events,
			  unsigned max)
{
	unsigned n = 0;

	while (n < max && queue->done_head != queue->done_tail)
		events[n++] = queue->done[queue->done_head++ & queue->mask];
	return n;
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int64_t deadline_after(int64_t timeout_ns)
{
	int64_t start;

	if (timeout_ns == 0)
		return NO_WAIT;
	if (timeout_ns == KAIO_FOREVER)
		return NO_DEADLINE;
	start = now();
	return timeout_ns < NO_DEADLINE - start ? start + timeout_ns
						: NO_DEADLINE;
}

static int64_t time_left(int64_t deadline)
{
	int64_t left;

	if (deadline == NO_WAIT || deadline == NO_DEADLINE)
		return deadline;
	left = deadline - now();
	return left > 0 ? left : 0;
}

static int io_getevents(struct kaio_queue *queue, struct kaio_event *events,
			unsigned min, unsigned max, int64_t timeout_ns)
{
	/* A time_t of 32 bits holds 68 years: more is for ever. */
	bool forever = timeout_ns / 1000000000 > INT32_MAX;
	struct timespec timeout = { 0, 0 };

	if (!forever) {
		timeout.tv_sec = (time_t)(timeout_ns / 1000000000);
		timeout.tv_nsec = (long)(timeout_ns % 1000000000);
	}
	queue->stats.getevents_calls++;
	return kaio_getevents(queue->ctx, min, max, events,
			      forever ? NULL : &timeout);
}

/*
 * The one place that takes completions from the kernel: those in the ring, and
 * if they are fewer than min, by one system call that waits for the others.
 */
static int collect(struct kaio_queue *queue, struct kaio_event *events,
		   unsigned min, unsigned max, int64_t deadline)
{
	unsigned n = 0;
	unsigned i;
	int ret;

	if (queue->ring.header) {
		n = (unsigned)kaio_ring_reap(&queue->ring, events, max);
		queue->stats.ring_reaps += n;
	}
	if (n < min || (!queue->ring.header && queue->flight.nr && max)) {
		ret = io_getevents(queue, events + n, min - n, max - n,
				   time_left(deadline));
		if (ret < 0 && !n)
			return ret;
		if (ret > 0)
			n += (unsigned)ret;
	}
	for (i = 0; i < n; i++)
		flight_remove(&queue->flight, events[i].obj);
	return (int)n;
}

/*
 * One round of waiting for need completions. It ends as soon as one makes room
 * for the backlog, for the caller to submit; or after RETRY_NS, where the
 * kernel has refused the backlog for want of memory. *cut: it ended by the
 * deadline or a signal.
 */
static int collect_round(struct kaio_queue *queue, struct kaio_event *events,
			 unsigned need, unsigned max, int64_t deadline,
			 bool *cut)
{
	unsigned waiting = queue_pending(queue);
	int64_t until = deadline;
	int ret;

	if (need > (waiting ? 1 : queue->flight.nr))
		need = waiting ? 1 : queue->flight.nr;
	if (need && waiting && queue->flight.nr < queue->depth &&
	    time_left(deadline) > RETRY_NS)
		until = now() + RETRY_NS;
	ret = collect(queue, events, need, max, until);
	*cut = ret < (int)need && until == deadline;
	if (ret == -EINVAL && kaio_queue_fail_if_dead(queue)) {
		*cut = false;
		return 0;
	}
	return ret;
}

static int gather(struct kaio_queue *queue, struct kaio_event *events,
		  unsigned min, unsigned max, int64_t deadline)
{
	unsigned n = 0;
	bool cut = false;

	kaio_queue_hand_over(queue);
	do {
		int ret;

		n += take_done(queue, events + n, max - n);
		ret = collect_round(queue, events + n, n < min ? min - n : 0,
				    max - n, deadline, &cut);
		/* It may be the answer even to one that did not wait. */
		if (ret == -EINTR && deadline == NO_WAIT)
			ret = 0;
		if (ret < 0) {
			queue->stats.completed += n;
			return n ? (int)n : ret;
		}
		n += (unsigned)ret;
		kaio_queue_hand_over(queue);
		n += take_done(queue, events + n, max - n);
	} while (n < min && !cut && (queue->flight.nr || queue_pending(queue)));
	queue->stats.completed += n;
	return (int)n;
}

int kaio_queue_wait(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned min, unsigned max, int64_t timeout_ns)
{
	int ret = queue_check(queue);

	if (ret < 0)
		return ret;
	if ((!events && max) || min > max || max > INT_MAX ||
	    timeout_ns < KAIO_FOREVER)
		return -EINVAL;
	return gather(queue, events, timeout_ns ? min : 0, max,
		      deadline_after(timeout_ns));
}

int kaio_queue_reap(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned max)
{
	return kaio_queue_wait(queue, events, 0, max, 0);
}

int kaio_queue_drain(struct kaio_queue *queue, int64_t timeout_ns)
{
	int ret = queue_check(queue);
	int64_t deadline;
	bool cut = false;

	if (ret < 0)
		return ret;
	if (timeout_ns < KAIO_FOREVER)
		return -EINVAL;
	deadline = deadline_after(timeout_ns);
	kaio_queue_hand_over(queue);
	while (queue->flight.nr || queue_pending(queue)) {
		/* done has room for all that is outstanding, as said above. */
		unsigned first = queue->done_tail & queue->mask;
		unsigned max = queue->mask + 1 - first;

		if (cut)
			return time_left(deadline) ? -EINTR : -ETIMEDOUT;
		if (max > queue->flight.nr)
			max = queue->flight.nr ? queue->flight.nr : 1;
		ret = collect_round(queue, queue->done + first, max, max,
				    deadline, &cut);
		if (ret < 0)
			return ret;
		queue->done_tail += (unsigned)ret;
		kaio_queue_hand_over(queue);
	}
	return 0;
}
