/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * An operation that kaio_queue_push() accepted is in exactly one of three
 * places, and moves through them in this order:
 *
 *   pending  pushed, not yet in the kernel: pending[head, tail), first in first
 *            out;
 *   flight   in the kernel, its completion not yet taken from it;
 *   done     completed, not yet with the caller: done[done_head, done_tail).
 *            Made here for an operation the kernel would not take, or collected
 *            by kaio_queue_drain() and kaio_queue_run(). What kaio_queue_wait()
 *            collects goes to the caller's array at once.
 *
 * As no more than capacity of them are outstanding, and pending and done have
 * room for as many, neither overflows. head, tail, done_head and done_tail run
 * freely and are masked on access.
 *
 * An iocb is not touched after the kernel took it: it may be gone. (One that
 * the kernel let go of with its context is read once more, for its data.)
 */
#ifndef QUEUE_H
#define QUEUE_H

#include "flight.h"

#include <kaio/queue.h>
#include <kaio/ring.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

/* The owner of a queue whose memory the kernel wipes in children. */
#define WIPED_BY_FORK (-1)

/* A call of kaio_queue_run() under way, on the stack of its thread. */
struct run_frame {
	pthread_t thread;
	struct run_frame *next;
};

/* A layer above, to be told when the kernel has let go of all operations. */
struct queue_guest {
	void (*end)(struct queue_guest *guest);
};

struct kaio_queue {
	pid_t owner; /* WIPED_BY_FORK, or the pid to compare; 0: wiped */
	uint32_t flags;
	unsigned depth;
	unsigned capacity;
	kaio_context_t ctx;
	struct kaio_ring ring; /* its header is NULL where there is none */
	int64_t spin_ns;

	struct kaio_iocb **pending;
	struct kaio_event *done;
	unsigned mask; /* of pending and of done */
	unsigned head, tail;
	unsigned done_head, done_tail;
	struct flight flight;

	unsigned refusals; /* in a row, of the head of pending */
	struct run_frame *frames;
	struct kaio_queue_stats stats;
	size_t mapped; /* bytes: this structure and its arrays */

	int eventfd; /* under KAIO_QUEUE_EVENTFD, else -1 */
	struct queue_guest *guest;

	pthread_mutex_t lock; /* over all of this, under KAIO_QUEUE_SHARED */
	unsigned sleepers;    /* threads in io_getevents, without the lock */
	unsigned leaving;     /* those that go when nothing is outstanding */
	bool by_pgetevents;   /* io_getevents was refused */

	/* The bell: see queue-wake.c. */
	int bell_fd; /* under KAIO_QUEUE_WAKE or _SHARED, else -1 */
	bool bell_armed;
	bool bell_rung; /* by kaio_queue_ring_bell() */
	bool woken;	/* by kaio_queue_wake(); atomic */
	struct kaio_iocb bell;
};

static inline unsigned queue_pending(const struct kaio_queue *queue)
{
	return queue->tail - queue->head;
}

static inline unsigned queue_done(const struct kaio_queue *queue)
{
	return queue->done_tail - queue->done_head;
}

static inline bool queue_outstanding(const struct kaio_queue *queue)
{
	return queue->flight.nr || queue_pending(queue);
}

static inline int queue_check(const struct kaio_queue *queue)
{
	if (!queue)
		return -EINVAL;
	if (queue->owner == WIPED_BY_FORK || queue->owner == getpid())
		return 0;
	return -ECHILD;
}

static inline void queue_lock(struct kaio_queue *queue)
{
	if (queue->flags & KAIO_QUEUE_SHARED)
		pthread_mutex_lock(&queue->lock);
}

static inline void queue_unlock(struct kaio_queue *queue)
{
	if (queue->flags & KAIO_QUEUE_SHARED)
		pthread_mutex_unlock(&queue->lock);
}

/* What each public function begins with, and ends with. */
static inline int queue_enter(struct kaio_queue *queue)
{
	int ret = queue_check(queue);

	if (ret == 0)
		queue_lock(queue);
	return ret;
}

void kaio_queue_ring_bell(struct kaio_queue *queue);

/*
 * Whether a wait goes on with nothing outstanding: other threads may push, and
 * kaio_queue_wake() can end it.
 */
static inline bool queue_is_standing(const struct kaio_queue *queue)
{
	const uint32_t both = KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE;

	return (queue->flags & both) == both;
}

/* A thread asleep must learn of what no completion will tell it. */
static inline void queue_notify(struct kaio_queue *queue)
{
	if (queue->sleepers &&
	    (queue_done(queue) ||
	     (!queue->flight.nr && (queue->leaving || queue_pending(queue))) ||
	     __atomic_load_n(&queue->woken, __ATOMIC_RELAXED)))
		kaio_queue_ring_bell(queue);
}

static inline void queue_leave(struct kaio_queue *queue)
{
	queue_notify(queue);
	queue_unlock(queue);
}

/* Hands pending over as far as there is room; how many the kernel took. */
int kaio_queue_hand_over(struct kaio_queue *queue);

/* Makes the completion of an operation that the kernel does not have. */
void kaio_queue_complete(struct kaio_queue *queue, const struct kaio_iocb *iocb,
			 int error);

/*
 * As kaio_queue_push() of *nr operations, their iocbs stride bytes apart, up to
 * the first that is not accepted; *nr: how many were.
 */
int kaio_queue_push_row(struct kaio_queue *queue, void *row, size_t stride,
			unsigned *nr);

/* As kaio_queue_run(); *cut: a signal or a wake ended it, and no deadline. */
int kaio_queue_run_cut(struct kaio_queue *queue, unsigned min,
		       int64_t timeout_ns, bool *cut);

/* Cancels what is pending of all operations whose iocbs are in [from, to). */
void kaio_queue_withdraw(struct kaio_queue *queue, const void *from,
			 const void *to);

/*
 * To be asked after an -EINVAL: is it the context's? With it went its ring and
 * the completions that were to come, so that all operations fail.
 */
bool kaio_queue_fail_if_dead(struct kaio_queue *queue);

/* Before a thread goes to sleep in io_getevents; a negative errno if not. */
int kaio_queue_arm_bell(struct kaio_queue *queue);

/* When the bell's event was collected. */
void kaio_queue_silence_bell(struct kaio_queue *queue);

/* Takes the wake, if there was one since the last time. */
bool kaio_queue_was_woken(struct kaio_queue *queue);

/* The level of the eventfd: down before collecting, up if some are left. */
void kaio_queue_lower_eventfd(struct kaio_queue *queue);
void kaio_queue_raise_eventfd(struct kaio_queue *queue, bool left);

#endif
