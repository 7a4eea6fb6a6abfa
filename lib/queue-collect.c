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

	if (need > queue_in_flight(queue))
		need = queue_in_flight(queue);
	if (queue_pending(queue) && need)
		need = 1;
	if (!queue->spin_ns || !ring_is_ours(queue) ||
	    kaio_ring_ready(&ring) >= need)
		return;
	if (!spin_is_due(&queue->luck)) {
		spin_skipped(&queue->luck);
		return;
	}
	end = now() + queue->spin_ns;
	if (end > deadline)
		end = deadline;
	queue_unlock(queue);
	while (kaio_ring_ready(&ring) < need && now() < end &&
	       !__atomic_load_n(&queue->woken, __ATOMIC_RELAXED))
		relax();
	spin_ended(&queue->luck, kaio_ring_ready(&ring) < need);
	queue_lock(queue);
}

/*
 * Of nr completions those at the front that come in the order in which the
 * operations went in: these are no longer in flight.
 */
static inline unsigned account_in_order(struct kaio_queue *queue,
					struct kaio_event *events,
					const struct kaio_event *run,
					unsigned nr)
{
	struct kaio_iocb **const first = queue->first;
	size_t end = (size_t)(queue->head - first);
	size_t i;

	if (end > nr)
		end = nr;
	for (i = 0; i < end && run[i].obj == (uintptr_t)first[i]; i++)
		events[i] = run[i];
	queue->first = first + i;
	return (unsigned)i;
}

/*
 * The operations are no longer in flight, and the bell's event is left out:
 * from run to events, which may be the same; how many there are then.
 */
static unsigned account(struct kaio_queue *queue, struct kaio_event *events,
			const struct kaio_event *run, unsigned nr)
{
	unsigned n = account_in_order(queue, events, run, nr);
	unsigned i;

	for (i = n; i < nr; i++) {
		if (run[i].obj == (uintptr_t)&queue->bell) {
			kaio_queue_silence_bell(queue);
			continue;
		}
		kaio_queue_land(queue, run[i].obj);
		events[n++] = run[i];
	}
	return n;
}

/* What is in the ring; *taken: with the bell's event. */
__attribute__((noinline)) static unsigned reap(struct kaio_queue *queue,
					       struct kaio_event *events,
					       unsigned max, unsigned *taken)
{
	const struct kaio_event *run;
	unsigned n = 0;
	unsigned nr;

	*taken = 0;
	while (n < max && (run = kaio_ring_peek(&queue->ring, &nr))) {
		if (nr > max - n)
			nr = max - n;
		n += account(queue, events + n, run, nr);
		kaio_ring_advance(&queue->ring, nr);
		*taken += nr;
	}
	queue->stats.ring_reaps += n;
	return n;
}

/*
 * The one place that takes completions from the kernel: those in the ring, and
 * if they are fewer than min, by one system call that waits for the others.
 * *taken: with the bell's event.
 */
static int fetch(struct kaio_queue *queue, struct kaio_event *events,
		 unsigned min, unsigned max, int64_t deadline, unsigned *taken)
{
	unsigned n = 0;
	int ret;

	*taken = 0;
	if (ring_is_ours(queue))
		n = reap(queue, events, max, taken);
	if (*taken >= min &&
	    (ring_is_ours(queue) || !queue_in_flight(queue) || n == max))
		return (int)n;
	ret = io_collect(queue, events + n, min > *taken ? min - *taken : 0,
			 max - n, time_left(deadline));
	if (ret < 0)
		return *taken ? (int)n : ret;
	*taken += (unsigned)ret;
	return (int)(n + account(queue, events + n, events + n, (unsigned)ret));
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
	unsigned taken;
	int ret;

	if (queue->plain && queue->ring.header &&
	    kaio_ring_ready(&queue->ring) >= need) {
		*cut = false;
		return (int)reap(queue, events, max, &taken);
	}
	if (need > 1 && (waiting || queue->bell_fd >= 0))
		need = 1;
	if (need > queue_in_flight(queue) && !waiting && !stays)
		need = queue_in_flight(queue);
	if (need && deadline != NO_WAIT &&
	    ((waiting && queue_in_flight(queue) < queue->depth) ||
	     kaio_queue_arm_bell(queue) < 0) &&
	    time_left(deadline) > RETRY_NS)
		until = now() + RETRY_NS;
	queue_notify(queue);
	queue->leaving += !stays;
	ret = fetch(queue, events, need, max, until, &taken);
	queue->leaving -= !stays;
	/* It may be the answer even to one that did not wait. */
	if (ret == -EINTR && deadline == NO_WAIT)
		ret = 0;
	*cut = (ret < 0 || taken < need) && until == deadline;
	if (ret == -EINVAL && kaio_queue_fail_if_dead(queue)) {
		*cut = false;
		return 0;
	}
	return ret;
}

/* Not into done itself: other threads put their completions there meanwhile. */
__attribute__((noinline)) static int
collect_done_among_threads(struct kaio_queue *queue, unsigned need,
			   int64_t deadline, bool stays, bool *cut)
{
	struct kaio_event batch[64];
	const unsigned max = sizeof(batch) / sizeof(*batch);
	int ret = collect_round(queue, batch, need < max ? need : max, max,
				deadline, stays, cut);
	int i;

	for (i = 0; i < ret; i++)
		queue->done[queue->done_tail++ & queue->done_mask] = batch[i];
	return ret;
}

static int collect_done(struct kaio_queue *queue, unsigned need,
			int64_t deadline, bool stays, bool *cut)
{
	unsigned max = queue->done_mask + 1 - queue_done(queue);
	unsigned tail;
	int ret;

	if (queue->flags & KAIO_QUEUE_SHARED)
		return collect_done_among_threads(queue, need, deadline, stays,
						  cut);
	if (!queue_done(queue))
		queue->done_head = queue->done_tail = 0;
	tail = queue->done_tail & queue->done_mask;
	if (max > queue->done_mask + 1 - tail)
		max = queue->done_mask + 1 - tail;
	ret = collect_round(queue, queue->done + tail, need < max ? need : max,
			    max, deadline, stays, cut);
	if (ret > 0)
		queue->done_tail += (unsigned)ret;
	return ret;
}

static unsigned take_done(struct kaio_queue *queue, struct kaio_event *events,
			  unsigned max)
{
	unsigned n = 0;

	while (n < max && queue_done(queue))
		events[n++] =
			queue->done[queue->done_head++ & queue->done_mask];
	return n;
}

static bool more_is_ready(const struct kaio_queue *queue, bool stopped_short)
{
	if (queue_done(queue))
		return true;
	return ring_is_ours(queue) ? kaio_ring_ready(&queue->ring) > 0
				   : stopped_short && queue_in_flight(queue);
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

/*
 * Before anything is collected: the eventfd is cleared first of all, and what
 * waits goes in.
 */
static void begin(struct kaio_queue *queue)
{
	if (queue->eventfd >= 0)
		kaio_queue_lower_eventfd(queue);
	queue_hand_over(queue);
}

/* What is in the ring of a plain queue, as most of the time it is in order. */
static inline unsigned reap_plainly(struct kaio_queue *queue,
				    struct kaio_event *events, unsigned max)
{
	const struct kaio_event *run;
	unsigned n = 0;
	unsigned nr;

	run = kaio_ring_peek(&queue->ring, &nr);
	if (run) {
		n = account_in_order(queue, events, run, nr < max ? nr : max);
		kaio_ring_advance(&queue->ring, n);
		queue->stats.ring_reaps += n;
	}
	if (n < max)
		n += reap(queue, events + n, max - n, &nr);
	queue_add_room(queue, n);
	return n;
}

/* With n in hand, and what waited handed over. */
__attribute__((noinline)) static int gather(struct kaio_queue *queue,
					    struct kaio_event *events,
					    unsigned n, unsigned min,
					    unsigned max, int64_t deadline)
{
	bool ended;
	int ret;

	if (min > n + queue_done(queue))
		spin(queue, min - n - queue_done(queue), deadline);
	do {
		unsigned need;
		bool woken;

		n += take_done(queue, events + n, max - n);
		need = still_needed(queue, n, min);
		woken = need && kaio_queue_was_woken(queue);
		ret = collect_round(queue, events + n, woken ? 0 : need,
				    max - n, deadline,
				    n == 0 && queue_is_standing(queue), &ended);
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
	if (queue->eventfd >= 0 && more_is_ready(queue, n == max || ret < 0))
		kaio_queue_raise_eventfd(queue);
	queue_leave(queue);
	return n || ret > 0 ? (int)n : ret;
}

__attribute__((cold)) static int refuse(const struct kaio_queue *queue)
{
	return queue_check(queue) == -ECHILD ? -ECHILD : -EINVAL;
}

static bool is_wait(const struct kaio_event *events, unsigned min, unsigned max,
		    int64_t timeout_ns)
{
	return (events || !max) && min <= max && max <= INT_MAX &&
	       timeout_ns >= KAIO_FOREVER;
}

__attribute__((cold)) static int wait_with_care(struct kaio_queue *queue,
						struct kaio_event *events,
						unsigned min, unsigned max,
						int64_t timeout_ns)
{
	int ret;

	if (!is_wait(events, min, max, timeout_ns))
		return refuse(queue);
	ret = queue_enter(queue);
	if (ret < 0)
		return ret;
	begin(queue);
	return gather(queue, events, 0, timeout_ns ? min : 0, max,
		      deadline_after(timeout_ns));
}

/* A plain queue has what it waits for, mostly, in the ring. */
int kaio_queue_wait(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned min, unsigned max, int64_t timeout_ns)
{
	int64_t deadline;
	unsigned n = 0;

	if (!is_wait(events, min, max, timeout_ns) || !queue || !queue->plain)
		return wait_with_care(queue, events, min, max, timeout_ns);
	deadline = deadline_after(timeout_ns);
	if (deadline == NO_WAIT)
		min = 0;
	queue_hand_over(queue);
	if (queue->ring.header && !queue_done(queue)) {
		n = reap_plainly(queue, events, max);
		queue_hand_over(queue);
		if (n && n >= min)
			return (int)n;
	}
	return gather(queue, events, n, min, max, deadline);
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
		return refuse(queue);
	ret = queue_enter(queue);
	if (ret < 0)
		return ret;
	deadline = deadline_after(timeout_ns);
	begin(queue);
	while (queue_outstanding(queue) && ret >= 0) {
		bool ended;

		ret = collect_done(queue, UINT_MAX, deadline, false, &ended);
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

static void call_back(struct kaio_queue *queue)
{
	const struct kaio_event *event =
		queue->done + (queue->done_head++ & queue->done_mask);
	struct kaio_op *op = (struct kaio_op *)kaio_event_iocb(event);
	int64_t res = event->res;

	if (queue->plain) {
		queue_add_room(queue, 1);
		op->complete(op, res);
		return;
	}
	queue_leave(queue);
	op->complete(op, res);
	queue_lock(queue);
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

	begin(queue);
	if (min > queue_done(queue))
		spin(queue, min - queue_done(queue), deadline);
	do {
		unsigned need = still_needed(queue, n + queue_done(queue), min);
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
		queue_hand_over(queue);
		for (batch = queue_done(queue); batch && queue_done(queue);
		     batch--, n++)
			call_back(queue);
		queue_hand_over(queue);
	} while (!ended && still_needed(queue, n, min));
	if (queue->eventfd >= 0 && more_is_ready(queue, true))
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

int kaio_queue_run_cut(struct kaio_queue *queue, unsigned min,
		       int64_t timeout_ns, bool *cut)
{
	struct run_frame frame;
	int ret;

	if (min > INT_MAX || timeout_ns < KAIO_FOREVER)
		return refuse(queue);
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
