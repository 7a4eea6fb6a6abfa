/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Telling threads that wait, and programs that poll the queue's eventfd. */
#ifndef QUEUE_WAKEUP_H
#define QUEUE_WAKEUP_H

#include "queue/queue.h"

#include <errno.h>
#include <sys/syscall.h>

/* By syscall(2), which is no cancellation point, as write(2) is. */
static inline void eventfd_raise(int fd)
{
	const uint64_t one = 1;
	int saved = errno;

	syscall(SYS_write, fd, &one, sizeof(one));
	errno = saved;
}

static inline void eventfd_lower(int fd)
{
	int saved = errno;
	uint64_t value;

	syscall(SYS_read, fd, &value, sizeof(value));
	errno = saved;
}

void kaioq_raise_eventfd(struct kaio_queue *queue);

/*
 * Before completions are collected for the caller: the eventfd is lowered
 * first, so that one that comes meanwhile raises it again.
 */
void kaioq_lower_eventfd(struct kaio_queue *queue);

/* Before the reaper sleeps; a negative errno if nothing will wake it. */
int kaioq_arm_wakeup(struct kaio_queue *queue);

/* When the event of the wakeup was collected. */
void kaioq_wakeup_collected(struct kaio_queue *queue);

/* Once for all that happens until it looks. */
void kaioq_wake_reaper(struct kaio_queue *queue);

/* Takes the wake, if there was one since the last time. */
bool kaioq_take_wake(struct kaio_queue *queue);

/* With the lock, before it is given up, or to do so: tells who can go on. */
void kaioq_notify(struct kaio_queue *queue, bool unlock);

/* The same when a transfer is over, for which another thread may wait. */
void kaioq_notify_all(struct kaio_queue *queue);

#endif
