/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Waiting. A thread sleeps only when there is nothing to submit that the kernel
 * would take, nothing in the ring, and nobody else to wait for the kernel.
 */
#include "queue/collect.h"
#include "queue/submit.h"
#include "queue/wait.h"
#include "spin.h"

/* How long a waiter sleeps while the kernel is out of memory. */
#define RETRY_NS 4000000

/*
 * What is ready. A call that waits need not ask the kernel for it before it
 * asks the kernel to wait for it.
 */
static int collect_ready(struct kaio_queue *queue, bool waits)
{
	if (queue_can_read_ring(queue))
		return (int)kaioq_collect_ring(queue);
	/* What wakes the reaper is in there, too, and must not be taken. */
	if (waits || !queue->inflight || queue->in_kernel)
		return 0;
	return kaioq_collect_kernel(queue, 0, 0);
}

/* Until the ring has need events or there is something else to do. */
static bool spin(struct kaio_queue *queue, const struct queue_wait *wait,
		 unsigned need, int64_t until)
{
	const struct kaio_ring ring = queue->ring;
	int64_t end = now() + queue->spin_ns;

	if (end > until)
		end = until;
	queue_unlock(queue);
	while (kaio_ring_ready(&ring) < need &&
	       !__atomic_load_n(&queue->wakeup_signaled, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&queue->woken, __ATOMIC_RELAXED) && now() < end)
		relax();
	queue_lock(queue);
	return kaio_ring_ready(&ring) >= need || queue->wakeup_signaled ||
	       queue_wait_is_over(queue, wait);
}

/* How many events to sleep for, and until when. */
static unsigned plan_sleep(struct kaio_queue *queue,
			   const struct queue_wait *wait, int64_t *until)
{
	bool retry = queue_is_short_of_memory(queue);
	unsigned need = 1;

	*until = wait->deadline;
	if (queue->wakeup_fd >= 0)
		retry |= kaioq_arm_wakeup(queue) < 0;
	else if (queue->head == queue->tail)
		need = wait->min - queue_done(queue);
	if (need > queue->inflight)
		need = queue->inflight ? queue->inflight : 1;
	if (retry && time_left(*until) > RETRY_NS)
		*until = now() + RETRY_NS;
	return need;
}

static int reap(struct kaio_queue *queue, const struct queue_wait *wait)
{
	int64_t until;
	unsigned need = plan_sleep(queue, wait, &until);
	int ret = 0;

	queue->reaper = wait;
	queue->wakeup_signaled = false;
	kaioq_notify(queue);
	if (!queue->spin_ns || !queue_can_read_ring(queue) ||
	    !spin(queue, wait, need, until))
		ret = kaioq_collect_kernel(queue, need, time_left(until));
	queue->reaper = NULL;
	return ret < 0 ? ret : 0;
}

struct sleeper {
	struct kaio_queue *queue;
	bool drain;
};

static void wake_up(struct sleeper *sleeper)
{
	sleeper->queue->drains -= sleeper->drain;
	sleeper->queue->waiters--;
}

/* Another thread has to do what it may have been woken for. */
static void cancelled(void *arg)
{
	struct sleeper *sleeper = arg;

	wake_up(sleeper);
	kaioq_leave(sleeper->queue);
}

/* A cancellation point. */
static void sleep_until_changed(struct kaio_queue *queue,
				const struct queue_wait *wait)
{
	const struct timespec until = {
		.tv_sec = (time_t)(wait->deadline / 1000000000),
		.tv_nsec = (long)(wait->deadline % 1000000000),
	};
	struct sleeper sleeper = { queue, wait->drain };

	queue->waiters++;
	queue->drains += wait->drain;
	pthread_cleanup_push(cancelled, &sleeper);
	/* A time_t of 32 bits holds 68 years: more is for ever. */
	if (wait->deadline / 1000000000 > INT32_MAX)
		pthread_cond_wait(&queue->changed, &queue->lock);
	else
		pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
	pthread_cleanup_pop(0);
	wake_up(&sleeper);
}

/* Whether a wake ends it that does not have all that it waits for. */
static bool was_woken(struct kaio_queue *queue, const struct queue_wait *wait)
{
	bool wants_more = wait->post ? !queue_transfer_is_over(wait)
				     : queue_done(queue) < wait->min;

	return !wait->drain && wants_more && kaioq_take_wake(queue);
}

/* It ends with what there is: nobody has asked the kernel so far. */
static int interrupt(struct kaio_queue *queue, struct queue_wait *wait)
{
	int ret = collect_ready(queue, false);

	wait->interrupted = true;
	return ret < 0 ? ret : 0;
}

int kaioq_await(struct kaio_queue *queue, struct queue_wait *wait)
{
	bool waits = wait->min && wait->deadline != NO_WAIT;
	int ret;

	for (;;) {
		queue_submit(queue);
		ret = collect_ready(queue, waits);
		if (ret < 0 || queue_wait_is_over(queue, wait))
			break;
		if (ret)
			continue;
		if (!time_left(wait->deadline))
			return interrupt(queue, wait);
		if (queue->reaper)
			sleep_until_changed(queue, wait);
		else
			ret = reap(queue, wait);
		if (ret < 0)
			break;
	}
	if (was_woken(queue, wait))
		return interrupt(queue, wait);
	if (queue->gone)
		ret = -EINVAL;
	wait->interrupted = ret < 0;
	return ret < 0 ? ret : 0;
}
