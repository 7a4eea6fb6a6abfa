/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "collect.h"

#include "spin.h"

/* How long a waiter leaves a kernel without memory alone. */
#define RETRY_NS 4000000

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

void kaio_queue_spin(struct kaio_queue *queue, unsigned need, int64_t deadline,
		     struct spin_wait *wait)
{
	const struct kaio_ring ring = queue->ring;
	int64_t end;

	if (need > queue_in_flight(queue))
		need = queue_in_flight(queue);
	if (queue_pending(queue) && need)
		need = 1;
	if (!queue->spin_ns || queue->sleepers ||
	    kaio_ring_ready(&ring) >= need)
		return;
	*wait = spin_begin(&queue->luck, queue->spin_ns);
	if (!wait->watch_ns)
		return;
	end = wait->start + wait->watch_ns;
	if (end > deadline)
		end = deadline;
	queue_unlock(queue);
	while (kaio_ring_ready(&ring) < need && now() < end &&
	       !__atomic_load_n(&queue->woken, __ATOMIC_RELAXED))
		relax();
	wait->in_vain = kaio_ring_ready(&ring) < need;
	queue_lock(queue);
}

void kaio_queue_spin_end(struct kaio_queue *queue, struct spin_wait *wait)
{
	spin_end(&queue->luck, wait);
	wait->counts = false;
}

/*
 * The operations are no longer in flight, and the bell's event is left out:
 * from run to events, which may be the same; how many there are then.
 */
static unsigned account(struct kaio_queue *queue, struct kaio_event *events,
			const struct kaio_event *run, unsigned nr)
{
	size_t in_line = (size_t)(queue->head - queue->first);
	unsigned n = account_in_order(queue, events, run,
				      nr < in_line ? nr : (unsigned)in_line);
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

unsigned kaio_queue_reap_ring(struct kaio_queue *queue,
			      struct kaio_event *events, unsigned max,
			      unsigned *taken)
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
		n = kaio_queue_reap_ring(queue, events, max, taken);
	if (*taken >= min &&
	    (ring_is_ours(queue) || !queue_in_flight(queue) || n == max))
		return (int)n;
	ret = io_collect(queue, events + n, min > *taken ? min - *taken : 0,
			 max - n, time_left(deadline));
	if (ret < 0)
		return *taken ? (int)n : ret;
	*taken += (unsigned)ret;
	ret = (int)account(queue, events + n, events + n, (unsigned)ret);
	queue->not_by_ring += (unsigned)ret;
	return (int)n + ret;
}

int kaio_queue_collect(struct kaio_queue *queue, struct kaio_event *events,
		       unsigned need, unsigned max, int64_t deadline,
		       enum waiter waiter, bool *cut)
{
	bool waiting = queue_pending(queue);
	int64_t until = deadline;
	unsigned taken;
	int ret;

	if (queue->plain && queue->ring.header &&
	    kaio_ring_ready(&queue->ring) >= need) {
		*cut = false;
		return (int)kaio_queue_reap_ring(queue, events, max, &taken);
	}
	if (need > 1 && (waiting || queue->bell_fd >= 0))
		need = 1;
	if (need > queue_in_flight(queue) && !waiting && waiter != STAYS)
		need = queue_in_flight(queue);
	if (need && deadline != NO_WAIT &&
	    ((waiting && queue_in_flight(queue) < queue->depth) ||
	     (queue->bell_fd >= 0 && kaio_queue_arm_bell(queue) < 0)) &&
	    time_left(deadline) > RETRY_NS)
		until = now() + RETRY_NS;
	/* Who sleeps but shortly needs nobody else to try again. */
	if (until == deadline || queue_has_news(queue))
		queue_notify(queue);
	queue->leaving += waiter != STAYS;
	queue->draining += waiter == DRAINS;
	ret = fetch(queue, events, need, max, until, &taken);
	queue->leaving -= waiter != STAYS;
	queue->draining -= waiter == DRAINS;
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
