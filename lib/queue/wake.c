/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Waking a thread that sleeps in io_getevents, and a program that sleeps in
 * epoll.
 *
 * The bell is a poll of an eventfd, in flight in the queue's own context
 * whenever a thread sleeps there: a write to the eventfd completes it, and that
 * completion ends the sleep. It is no operation of the caller's: it counts
 * nowhere, and io_setup was asked for one more.
 *
 * Who writes the eventfd says why first: kaio_queue_wake() in woken, which is
 * atomic because it may come from a signal handler; kaio_queue_ring_bell(),
 * which has the lock, in bell_rung. So that many fold into one, and a bell that
 * rings without a reason, because the reason was seen before, is no harm.
 */
#include "queue.h"

#include <kaio/prep.h>

#include <poll.h>

static void raise_counter(int fd)
{
	const uint64_t one = 1;
	int saved = errno;

	(void)!write(fd, &one, sizeof(one));
	errno = saved;
}

static void clear_counter(int fd)
{
	int saved = errno;
	uint64_t value;

	(void)!read(fd, &value, sizeof(value));
	errno = saved;
}

int kaio_queue_arm_bell(struct kaio_queue *queue)
{
	struct kaio_iocb *bell = &queue->bell;
	int ret;

	if (queue->bell_armed)
		return 0;
	kaio_prep_poll(bell, queue->bell_fd, POLLIN);
	queue->stats.submit_calls++;
	ret = kaio_submit(queue->ctx, 1, &bell);
	if (ret != 1)
		return ret < 0 ? ret : -EAGAIN;
	queue->bell_armed = true;
	return 0;
}

void kaio_queue_silence_bell(struct kaio_queue *queue)
{
	queue->bell_armed = false;
	queue->bell_rung = false;
	clear_counter(queue->bell_fd);
	if (queue->sleepers)
		kaio_queue_arm_bell(queue);
}

void kaio_queue_ring_bell(struct kaio_queue *queue)
{
	if (queue->bell_rung)
		return;
	queue->bell_rung = true;
	raise_counter(queue->bell_fd);
}

bool kaio_queue_was_woken(struct kaio_queue *queue)
{
	return __atomic_load_n(&queue->woken, __ATOMIC_RELAXED) &&
	       __atomic_exchange_n(&queue->woken, false, __ATOMIC_ACQUIRE);
}

int kaio_queue_wake(struct kaio_queue *queue)
{
	int ret = queue_check(queue);

	if (ret < 0)
		return ret;
	if (!(queue->flags & KAIO_QUEUE_WAKE))
		return -EINVAL;
	if (!__atomic_exchange_n(&queue->woken, true, __ATOMIC_RELEASE))
		raise_counter(queue->bell_fd);
	return 0;
}

int kaio_queue_eventfd(struct kaio_queue *queue)
{
	int ret = queue_check(queue);

	if (ret < 0)
		return ret;
	return queue->eventfd < 0 ? -EINVAL : queue->eventfd;
}

/*
 * The eventfd is cleared before completions are collected, so that one that
 * comes meanwhile raises it again.
 */
void kaio_queue_lower_eventfd(struct kaio_queue *queue)
{
	clear_counter(queue->eventfd);
}

void kaio_queue_raise_eventfd(struct kaio_queue *queue)
{
	raise_counter(queue->eventfd);
}
