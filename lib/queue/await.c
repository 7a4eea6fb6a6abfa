/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Waiting. A thread sleeps only when there is nothing to submit that the kernel
 * would take, nothing in the ring, and nobody else to wait for the kernel.
 */
/* Else pthread_cleanup_push() makes the library need libgcc_s. */
#undef __EXCEPTIONS

#include "queue/wait.h"

/* How long a waiter sleeps while the kernel is out of memory. */
#define RETRY_NS 4000000

/*
 * What is ready. A call that waits need not ask the kernel for it before it
 * asks the kernel to wait for it; and while the reaper is in the kernel, all is
 * left to it, the event of its wakeup above all.
 */
static int collect_ready(struct kaio_queue *queue, bool waits)
{
	if (queue->in_kernel)
		return 0;
	if (queue_can_read_ring(queue))
		return (int)kaioq_collect_ring(queue);
	if (waits || !queue->inflight)
		return 0;
	return kaioq_collect_kernel(queue, 0, 0);
}

/* How many events to wait for at once. */
static unsigned events_needed(const struct kaio_queue *queue,
			      const struct queue_wait *wait)
{
	unsigned need = wait->min - queue_done(queue);

	/* Any may be the wakeup's, or make room. */
	if (queue->wakeup_fd >= 0 || queue->head != queue->tail)
		return 1;
	return need < queue->inflight ? need : queue->inflight;
}

/* Until the ring has need events or there is something else to do. */
static bool spin(struct kaio_queue *queue, const struct queue_wait *wait,
		 unsigned need)
{
	const struct kaio_ring ring = queue->ring;
	int64_t end = now() + queue->spin_ns;

	if (end > wait->deadline)
		end = wait->deadline;
	queue_unlock(queue);
	while (kaio_ring_ready(&ring) < need &&
	       !READ_ONCE(queue->wakeup_signaled) && !READ_ONCE(queue->woken) &&
	       now() < end)
		relax();
	queue_lock(queue);
	return kaio_ring_ready(&ring) >= need || queue->wakeup_signaled ||
	       queue_wait_is_over(queue, wait);
}

static int sleep_in_kernel(struct kaio_queue *queue,
			   const struct queue_wait *wait, unsigned need)
{
	bool retry = queue_is_short_of_memory(queue);
	int64_t timeout = time_left(wait->deadline);

	if (queue->wakeup_fd >= 0 && kaioq_arm_wakeup(queue) < 0)
		retry = true;
	if (retry && timeout > RETRY_NS)
		timeout = RETRY_NS;
	return kaioq_collect_kernel(queue, need, timeout);
}

static int reap(struct kaio_queue *queue, const struct queue_wait *wait)
{
	unsigned need = events_needed(queue, wait);
	int ret = 0;

	queue->reaper = wait;
	queue->wakeup_signaled = false;
	kaioq_notify(queue, false);
	if (!queue->spin_ns || !queue_can_read_ring(queue) ||
	    !spin(queue, wait, need))
		ret = sleep_in_kernel(queue, wait, need);
	queue->reaper = NULL;
	return ret < 0 ? ret : 0;
}

static void wake_up(struct kaio_queue *queue, const struct queue_wait *wait)
{
	queue->drains -= wait->drain;
	queue->waiters--;
}

/* Another thread has to do what it may have been woken for. */
static void cancelled(void *arg)
{
	struct queue_wait *wait = arg;

	wake_up(wait->queue, wait);
	kaioq_leave(wait->queue);
}

/* A cancellation point, unless completions would be lost. */
static void sleep_until_changed(struct kaio_queue *queue,
				struct queue_wait *wait)
{
	struct timespec time;
	int cancelstate;

	wait->queue = queue;
	queue->waiters++;
	queue->drains += wait->drain;
	if (wait->has_taken)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelstate);
	pthread_cleanup_push(cancelled, wait);
	if (as_timespec(wait->deadline, &time))
		pthread_cond_timedwait(&queue->changed, &queue->lock, &time);
	else
		pthread_cond_wait(&queue->changed, &queue->lock);
	pthread_cleanup_pop(0);
	if (wait->has_taken)
		pthread_setcancelstate(cancelstate, NULL);
	wake_up(queue, wait);
}

/* Whether a wake ends it that waits and does not have all. */
static bool was_woken(struct kaio_queue *queue, const struct queue_wait *wait)
{
	bool wants_more = wait->post ? !queue_transfer_is_over(wait)
				     : queue_done(queue) < wait->min;

	return wait->min && !wait->drain && wants_more &&
	       kaioq_take_wake(queue);
}

/* It ends with what there is, which the kernel may not have been asked for. */
static int interrupt(struct kaio_queue *queue, struct queue_wait *wait,
		     bool asked)
{
	int ret = collect_ready(queue, asked);

	wait->interrupted = -EINPROGRESS;
	return ret < 0 ? ret : 0;
}

int kaioq_await(struct kaio_queue *queue, struct queue_wait *wait)
{
	bool waits = wait->min && wait->deadline != NO_WAIT;
	bool asked = !waits;
	unsigned told = queue->done_tail;
	int ret;

	for (;;) {
		queue_push_waiting(queue);
		queue_submit(queue);
		ret = collect_ready(queue, waits);
		if (ret < 0 || queue_wait_is_over(queue, wait))
			break;
		if (ret)
			continue;
		if (!time_left(wait->deadline))
			return interrupt(queue, wait, asked);
		asked = true;
		if (queue->reaper) {
			/* What a drain puts into done is for others. */
			if (queue->done_tail != told)
				kaioq_notify(queue, false);
			sleep_until_changed(queue, wait);
			told = queue->done_tail;
		} else {
			ret = reap(queue, wait);
		}
		if (ret < 0)
			break;
	}
	if (was_woken(queue, wait))
		return interrupt(queue, wait, asked);
	/* What had raised the eventfd before it was lowered may be there. */
	if (!asked && queue->eventfd >= 0 && queue->inflight &&
	    !queue_can_read_ring(queue))
		kaioq_raise_eventfd(queue);
	if (queue->gone)
		ret = -EINVAL;
	wait->interrupted = ret < 0 ? ret : 0;
	return wait->interrupted;
}
