/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The reaper sleeps in io_getevents. What wakes it there is a poll of an
 * eventfd, the wakeup, in flight in the queue's own context: a write to the
 * eventfd completes it. It is no operation of the caller's and counts nowhere;
 * io_setup was asked for one more.
 *
 * Whoever writes to the eventfd has said why before: kaio_queue_wake() in
 * woken, kaioq_notify() by what it has changed under the lock. So several
 * wakeups may become one, and one without a reason, because the reason was seen
 * before, does no harm.
 */
#include "queue/wait.h"

#include <kaio/prep.h>

#include <poll.h>

void kaioq_raise_eventfd(struct kaio_queue *queue)
{
	queue->eventfd_raised = true;
	eventfd_raise(queue->eventfd);
}

void kaioq_lower_eventfd(struct kaio_queue *queue)
{
	queue->eventfd_raised = false;
	if (queue->in_kernel)
		queue->eventfd_missed = true;
	eventfd_lower(queue->eventfd);
}

int kaioq_arm_wakeup(struct kaio_queue *queue)
{
	struct kaio_iocb *wakeup = &queue->wakeup;
	int ret;

	if (queue->wakeup_armed)
		return 0;
	kaio_prep_poll(wakeup, queue->wakeup_fd, POLLIN);
	queue->stats.submit_calls++;
	ret = kaio_submit(queue->ctx, 1, &wakeup);
	if (ret != 1)
		return ret < 0 ? ret : -EAGAIN;
	queue->wakeup_armed = true;
	return 0;
}

void kaioq_wakeup_collected(struct kaio_queue *queue)
{
	queue->wakeup_armed = false;
	eventfd_lower(queue->wakeup_fd);
}

void kaioq_wake_reaper(struct kaio_queue *queue)
{
	if (queue->wakeup_signaled)
		return;
	WRITE_ONCE(queue->wakeup_signaled, true);
	if (queue->in_kernel)
		eventfd_raise(queue->wakeup_fd);
}

/*
 * One thread is enough where any can do what is to be done, for it calls this
 * again when it leaves or sleeps; but a drain takes neither completions nor
 * wakes, and the end of all operations concerns every thread. They are woken
 * last of all: one that finds the lock held sleeps again.
 */
void kaioq_notify(struct kaio_queue *queue, bool unlock)
{
	bool news = queue_done(queue) || READ_ONCE(queue->woken);
	bool all = queue->drains || !queue_is_busy(queue);
	bool wakes = queue->waiters && (news || !queue->reaper ||
					!queue_is_busy(queue) || queue->gone);
	bool taken = wakes && news && queue->waiters > queue->drains;

	if (queue->eventfd >= 0 && queue_done(queue) && !queue->eventfd_raised)
		kaioq_raise_eventfd(queue);
	if (queue->reaper && !taken && queue_wait_is_over(queue, queue->reaper))
		kaioq_wake_reaper(queue);
	if (unlock)
		queue_unlock(queue);
	if (wakes && all)
		pthread_cond_broadcast(&queue->changed);
	else if (wakes)
		pthread_cond_signal(&queue->changed);
}

void kaioq_notify_all(struct kaio_queue *queue)
{
	if (queue->waiters)
		pthread_cond_broadcast(&queue->changed);
	if (queue->reaper && queue_wait_is_over(queue, queue->reaper))
		kaioq_wake_reaper(queue);
}

bool kaioq_take_wake(struct kaio_queue *queue)
{
	return __atomic_exchange_n(&queue->woken, false, __ATOMIC_ACQUIRE);
}

int kaio_queue_wake(struct kaio_queue *queue)
{
	int ret = queue_check(queue);

	if (ret < 0)
		return ret;
	if (!(queue->flags & KAIO_QUEUE_WAKE))
		return -EINVAL;
	if (!__atomic_exchange_n(&queue->woken, true, __ATOMIC_RELEASE))
		eventfd_raise(queue->wakeup_fd);
	return 0;
}

int kaio_queue_eventfd(struct kaio_queue *queue)
{
	int ret = queue_check(queue);

	if (ret < 0)
		return ret;
	return queue->eventfd < 0 ? -EINVAL : queue->eventfd;
}
