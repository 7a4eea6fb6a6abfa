/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * From the kernel to the caller: collecting completions, and waiting for them
 * by one absolute deadline.
 *
 * One reaper at a time: the ring is read under the lock, and only while no
 * thread is asleep in io_getevents. Else all go there, for the kernel to sort
 * them out.
 */
#include "deadline.h"
#include "queue.h"
#include "spin.h"

#include <kaio/prep.h>

#include <limits.h>
#include <string.h>

/* How long a waiter leaves a kernel without memory alone. */
#define RETRY_NS 4000000

/* Calls of kaio_queue_run() within each other, on one thread. */
#define RUN_DEPTH_MAX 16

static int io_getevents(struct kaio_queue *queue, bool by_pgetevents,
			struct kaio_event *events, unsigned min, unsigned max,
			int64_t timeout_ns)
{
	/* A time_t of 32 bits holds 68 years: more is for ever. */
	bool forever = timeout_ns / 1000000000 > INT32_MAX;
	bool asleep = min && timeout_ns;
	struct timespec timeout = { 0, 0 };
	const struct timespec *limit = forever ? NULL : &timeout;
	int ret;

	if (!forever) {
		timeout.tv_sec = (time_t)(timeout_ns / 1000000000);
		timeout.tv_nsec = (long)(timeout_ns % 1000000000);
	}
	queue->stats.getevents_calls++;
	if (asleep) {
		queue->sleepers++;
		queue_unlock(queue);
	}
	ret = by_pgetevents
		      ? kaio_pgetevents(queue->ctx, min, max, events, limit,
					NULL)
		      : kaio_getevents(queue->ctx, min, max, events, limit);
	if (asleep) {
		queue_lock(queue);
		queue->sleepers--;
	}
	return ret;
}

static bool is_refused(int ret)
{
	return ret == -ENOSYS || ret == -EPERM;
}

/* Where a policy refuses the one system call, it may allow the other. */
static int io_collect(struct kaio_queue *queue, struct kaio_event *events,
		      unsigned min, unsigned max, int64_t timeout_ns)
{
	bool by_pgetevents = queue->by_pgetevents;
	int ret = io_getevents(queue, by_pgetevents, events, min, max,
			       timeout_ns);
	int instead;

	if (!is_refused(ret))
		return ret;
	instead = io_getevents(queue, !by_pgetevents, events, min, max,
			       timeout_ns);
	if (is_refused(instead))
		return ret;
	queue->by_pgetevents = !by_pgetevents;
	return instead;
}

static bool ring_is_ours(const struct kaio_queue *queue)
{
	return queue->ring.header && !queue->sleepers;
}

/*
 * Watches the ring before a sleep, which may cost more than the I/O. Others may
 * collect meanwhile: afterwards all may have changed.
 */
static void spin(struct kaio_queue *queue, unsigned need, int64_t deadline)
{
	const struct kaio_ring ring = queue->ring;
	int64_t end;

	if (need > queue->flight.nr)
		need = queue->flight.nr;
	if (queue_pending(queue) && need)
		need = 1;
	if (!queue->spin_ns || !ring_is_ours(queue) ||
	    kaio_ring_ready(&ring) >= need)
		return;
	end = now() + queue->spin_ns;
	if (end > deadline)
		end = deadline;
	queue_unlock(queue);
	while (kaio_ring_ready(&ring) < need && now() < end &&
	       !__atomic_load_n(&queue->woken, __ATOMIC_RELAXED))
		relax();
	queue_lock(queue);
}

static unsigned reap(struct kaio_queue *queue, struct kaio_event *events,
		     unsigned max)
{
	unsigned n;

	if (!ring_is_ours(queue))
		return 0;
	n = (unsigned)kaio_ring_reap(&queue->ring, events, max);
	queue->stats.ring_reaps += n;
	return n;
}

/*
 * The one place that takes completions from the kernel: those in the ring, and
 * if they are fewer than min, by one system call that waits for the others.
 */
static int fetch(struct kaio_queue *queue, struct kaio_event *events,
		 unsigned min, unsigned max, int64_t deadline)
{
	unsigned n = reap(queue, events, max);
	int ret;

	if (n >= min && (ring_is_ours(queue) || !queue->flight.nr || n == max))
		return (int)n;
	ret = io_collect(queue, events + n, min > n ? min - n : 0, max - n,
			 time_left(deadline));
	if (ret < 0)
		return n ? (int)n : ret;
	return (int)n + ret;
}

/* The operations are no longer in flight; the bell's event is taken out. */
static unsigned account(struct kaio_queue *queue, struct kaio_event *events,
			unsigned n)
{
	unsigned i = 0;

	while (i < n) {
		if (events[i].obj != (uintptr_t)&queue->bell) {
			flight_remove(&queue->flight, events[i++].obj);
			continue;
		}
		n--;
		memmove(events + i, events + i + 1, (n - i) * sizeof(*events));
		kaio_queue_silence_bell(queue);
	}
	return n;
}

/*
 * One round of waiting for need completions. It ends early
 * - as soon as one makes room for the backlog, for the caller to submit;
 * - with one, where a bell may ring, or where other threads collect, too;
 * - after RETRY_NS, where the kernel has no memory for the backlog or the bell.
 * stays: it goes on with nothing outstanding. *cut: it ended by the deadline or
 * a signal.
 */
static int collect_round(struct kaio_queue *queue, struct kaio_event *events,
			 unsigned need, unsigned max, int64_t deadline,
			 bool stays, bool *cut)
{
	bool waiting = queue_pending(queue);
	int64_t until = deadline;
	int ret;

	if (need > 1 && (waiting || queue->bell_fd >= 0))
		need = 1;
	if (need > queue->flight.nr && !waiting && !stays)
		need = queue->flight.nr;
	if (need && deadline != NO_WAIT &&
	    ((waiting && queue->flight.nr < queue->depth) ||
	     kaio_queue_arm_bell(queue) < 0) &&
	    time_left(deadline) > RETRY_NS)
		until = now() + RETRY_NS;
	queue_notify(queue);
	queue->leaving += !stays;
	ret = fetch(queue, events, need, max, until);
	queue->leaving -= !stays;
	/* It may be the answer even to one that did not wait. */
	if (ret == -EINTR && deadline == NO_WAIT)
		ret = 0;
	*cut = ret < (int)need && until == deadline;
	if (ret == -EINVAL && kaio_queue_fail_if_dead(queue)) {
		*cut = false;
		return 0;
	}
	return ret < 0 ? ret : (int)account(queue, events, (unsigned)ret);
}

/* Not into done itself: other threads put their completions there meanwhile. */
static int collect_done(struct kaio_queue *queue, unsigned need,
			int64_t deadline, bool stays, bool *cut)
{
	struct kaio_event batch[64];
	const unsigned max = sizeof(batch) / sizeof(*batch);
	int ret = collect_round(queue, batch, need < max ? need : max, max,
				deadline, stays, cut);
	int i;

	for (i = 0; i < ret; i++)
		queue->done[queue->done_tail++ & queue->mask] = batch[i];
	return ret;
}

static unsigned take_done(struct kaio_queue *queue, struct kaio_event *events,
			  unsigned max)
{
	unsigned n = 0;

	while (n < max && queue_done(queue))
		events[n++] = queue->done[queue->done_head++ & queue->mask];
	queue->stats.completed += n;
	return n;
}

static bool more_is_ready(const struct kaio_queue *queue, bool stopped_short)
{
	if (queue_done(queue))
		return true;
	return ring_is_ours(queue) ? kaio_ring_ready(&queue->ring) > 0
				   : stopped_short && queue->flight.nr;
}

/* How many completions to wait for, with n in hand, to have min. */
static unsigned still_needed(const struct kaio_queue *queue, unsigned n,
			     unsigned min)
{
	if (n < min &&
	    (queue_outstanding(queue) || (n == 0 && queue_is_standing(queue))))
		return min - n;
	return 0;
}

/* What comes before the rounds: the eventfd is cleared first of all. */
static void begin(struct kaio_queue *queue, unsigned min, int64_t deadline)
{
	kaio_queue_lower_eventfd(queue);
	kaio_queue_hand_over(queue);
	if (min > queue_done(queue))
		spin(queue, min - queue_done(queue), deadline);
}

static int gather(struct kaio_queue *queue, struct kaio_event *events,
		  unsigned min, unsigned max, int64_t deadline)
{
	unsigned n = 0;
	bool ended;
	int ret;

	begin(queue, min, deadline);
	do {
		unsigned need;
		bool woken;

		n += take_done(queue, events + n, max - n);
		need = still_needed(queue, n, min);
		woken = need && kaio_queue_was_woken(queue);
		ret = collect_round(queue, events + n, woken ? 0 : need,
				    max - n, deadline,
				    n == 0 && queue_is_standing(queue), &ended);
		if (ret > 0) {
			n += (unsigned)ret;
			queue->stats.completed += (unsigned)ret;
		}
		if (ret == -EINTR && kaio_queue_was_woken(queue)) {
			ret = 0;
			woken = true;
		}
		ended |= woken || ret < 0;
		kaio_queue_hand_over(queue);
		n += take_done(queue, events + n, max - n);
	} while (!ended && still_needed(queue, n, min));
	kaio_queue_raise_eventfd(queue,
				 more_is_ready(queue, n == max || ret < 0));
	return n || ret > 0 ? (int)n : ret;
}

int kaio_queue_wait(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned min, unsigned max, int64_t timeout_ns)
{
	int ret;

	if ((!events && max) || min > max || max > INT_MAX ||
	    timeout_ns < KAIO_FOREVER)
		return queue_check(queue) == -ECHILD ? -ECHILD : -EINVAL;
	ret = queue_enter(queue);
	if (ret < 0)
		return ret;
	ret = gather(queue, events, timeout_ns ? min : 0, max,
		     deadline_after(timeout_ns));
	queue_leave(queue);
	return ret;
}

int kaio_queue_reap(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned max)
{
	return kaio_queue_wait(queue, events, 0, max, 0);
}

int kaio_queue_drain(struct kaio_queue *queue, int64_t timeout_ns)
{
	int64_t deadline;
	int ret;

	if (timeout_ns < KAIO_FOREVER)
		return queue_check(queue) == -ECHILD ? -ECHILD : -EINVAL;
	ret = queue_enter(queue);
	if (ret < 0)
		return ret;
	deadline = deadline_after(timeout_ns);
	kaio_queue_lower_eventfd(queue);
	kaio_queue_hand_over(queue);
	while (queue_outstanding(queue) && ret >= 0) {
		bool ended;

		ret = collect_done(queue, UINT_MAX, deadline, false, &ended);
		kaio_queue_hand_over(queue);
		if (ret >= 0 && ended)
			ret = time_left(deadline) ? -EINTR : -ETIMEDOUT;
	}
	if (!queue_outstanding(queue))
		ret = 0;
	kaio_queue_raise_eventfd(queue, more_is_ready(queue, ret < 0));
	queue_leave(queue);
	return ret < 0 ? ret : 0;
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
	unsigned n = 0;
	bool woken;
	bool ended;
	int ret;

	begin(queue, min, deadline);
	do {
		unsigned need = still_needed(queue, n + queue_done(queue), min);
		struct kaio_event event;
		unsigned batch;

		woken = need && kaio_queue_was_woken(queue);
		ret = collect_done(queue, woken ? 0 : need, deadline,
				   need && !queue_outstanding(queue), &ended);
		if (ret == -EINTR && kaio_queue_was_woken(queue)) {
			ret = 0;
			woken = true;
		}
		ended |= woken || ret < 0;
		/* Before the callbacks, for they may take long; and after. */
		kaio_queue_hand_over(queue);
		for (batch = queue_done(queue);
		     batch && take_done(queue, &event, 1); batch--) {
			struct kaio_op *op =
				(struct kaio_op *)kaio_event_iocb(&event);

			n++;
			queue_leave(queue);
			op->complete(op, event.res);
			queue_lock(queue);
		}
		kaio_queue_hand_over(queue);
	} while (!ended && still_needed(queue, n, min));
	kaio_queue_raise_eventfd(queue, more_is_ready(queue, true));
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

int kaio_queue_run_cut(struct kaio_queue *queue, unsigned min,
		       int64_t timeout_ns, bool *cut)
{
	struct run_frame frame;
	int ret;

	if (min > INT_MAX || timeout_ns < KAIO_FOREVER)
		return queue_check(queue) == -ECHILD ? -ECHILD : -EINVAL;
	ret = queue_enter(queue);
	if (ret < 0)
		return ret;
	if (push_frame(queue, &frame)) {
		ret = run(queue, timeout_ns ? min : 0,
			  deadline_after(timeout_ns), cut);
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

	return kaio_queue_run_cut(queue, min, timeout_ns, &cut);
}
