/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * An operation that kaio_queue_push() accepted is in exactly one of three
 * places, and moves through them in this order:
 *
 *   pending  pushed, not yet in the kernel: [head, tail) of the line, first in
 *            first out;
 *   flight   in the kernel, its completion not yet taken from it: [first, head)
 *            of the line, in the order in which they went in, or a stray;
 *   done     completed, not yet with the caller: done[done_head, done_tail).
 *            Made here for an operation the kernel would not take, or collected
 *            by kaio_queue_drain() and kaio_queue_run(). What kaio_queue_wait()
 *            collects goes to the caller's array at once.
 *
 * As long as operations complete in the order in which they went in, to take
 * one out of flight is to move first. The first one that completes before those
 * in front of it makes strays of all in flight, once each.
 *
 * As no more than capacity of them are outstanding, and the line and done have
 * room for as many, neither overflows. done_head and done_tail run freely and
 * are masked on access. The line is moved to the front of its memory when it
 * meets the end: it is never cut in two, and what the kernel gets neither.
 *
 * The line's tail is room.next. In a plain queue, of one thread and with
 * nothing but operations in flight, pushes may go on from there to room.end
 * without a look at anything else; in all others it is NULL, as it is in a
 * child.
 *
 * An iocb is not touched after the kernel took it: it may be gone. (One that
 * the kernel let go of with its context is read once more, for its data.)
 */
#ifndef QUEUE_H
#define QUEUE_H

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

#include "spin.h"
#include "strays.h"

#include <kaio/queue.h>
#include <kaio/ring.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The owner of a queue whose memory the kernel wipes in children. */
#define WIPED_BY_FORK (-1)

/* A call of kaio_queue_run() under way, on the stack of its thread. */
struct run_frame {
	pthread_t thread;
	struct run_frame *next;
};

/* A layer above, which has more operations than there is room for. */
struct queue_guest {
	unsigned hungry; /* atomic: not 0 if it has some to push */
	/* Called without the lock when there may be room, if it is hungry. */
	void (*refill)(struct queue_guest *guest);
	/* Of its operations; others use the room that they leave themselves. */
	void (*complete)(struct kaio_op *op, int64_t res);
	/* The kernel has let go of all operations. */
	void (*end)(struct queue_guest *guest);
};

static inline bool guest_is_hungry(const struct queue_guest *guest)
{
	return __atomic_load_n(&guest->hungry, __ATOMIC_RELAXED);
}

struct kaio_queue {
	struct kaio_queue_room room; /* first, for it is in the ABI */
	bool plain;  /* none of the flags below matters, nor does the owner */
	pid_t owner; /* WIPED_BY_FORK, or the pid to compare; 0: wiped */
	uint32_t flags;
	unsigned depth;
	unsigned capacity;
	kaio_context_t ctx;
	struct kaio_ring ring; /* its header is NULL where there is none */
	int64_t spin_ns;
	struct spin_luck luck;

	struct kaio_iocb **first, **head;
	struct kaio_iocb **line, **line_end;
	struct strays strays;
	struct kaio_event *done;
	unsigned done_mask;
	unsigned done_head, done_tail;

	unsigned refusals; /* in a row, of the head of pending */
	struct run_frame *frames;
	struct kaio_queue_stats stats;
	uint64_t not_by_ring; /* that left flight another way */
	size_t mapped;	      /* bytes: this structure and its arrays */

	int eventfd; /* under KAIO_QUEUE_EVENTFD, else -1 */
	struct queue_guest *guest;

	pthread_mutex_t lock; /* over all of this, under KAIO_QUEUE_SHARED */
	unsigned sleepers;    /* threads in io_getevents, without the lock */
	unsigned leaving;     /* those that go when nothing is outstanding */
	unsigned draining;  /* those that take neither completions nor wakes */
	bool by_pgetevents; /* io_getevents was refused */

	/* The bell: see queue-wake.c. */
	int bell_fd; /* under KAIO_QUEUE_WAKE or _SHARED, else -1 */
	bool bell_armed;
	bool bell_rung; /* by kaio_queue_ring_bell() */
	bool woken;	/* by kaio_queue_wake(); atomic */
	struct kaio_iocb bell;
};

static inline unsigned queue_pending(const struct kaio_queue *queue)
{
	return (unsigned)(queue->room.next - queue->head);
}

static inline unsigned queue_in_flight(const struct kaio_queue *queue)
{
	return (unsigned)(queue->head - queue->first) + queue->strays.nr;
}

static inline unsigned queue_done(const struct kaio_queue *queue)
{
	return queue->done_tail - queue->done_head;
}

static inline bool queue_outstanding(const struct kaio_queue *queue)
{
	return queue->room.next != queue->first || queue->strays.nr;
}

/* Atomic, as other threads look at it when they begin to push. */
static inline void queue_set_tail(struct kaio_queue *queue,
				  struct kaio_iocb **tail)
{
	__atomic_store_n(&queue->room.next, tail, __ATOMIC_RELAXED);
}

/* So many more may be pushed: their completions are with the caller. */
static inline void queue_add_room(struct kaio_queue *queue, unsigned nr)
{
	queue->room.end += nr;
	if (queue->room.end > queue->line_end)
		queue->room.end = queue->line_end;
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

/* Before a thread goes to sleep in io_getevents; a negative errno if not. */
int kaio_queue_arm_bell(struct kaio_queue *queue);

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

/* What ends a call of kaio_queue_wait() or _run(). */
static inline bool queue_has_news(const struct kaio_queue *queue)
{
	return queue_done(queue) ||
	       __atomic_load_n(&queue->woken, __ATOMIC_RELAXED);
}

/* A thread asleep must learn of what no completion will tell it. */
static inline void queue_notify(struct kaio_queue *queue)
{
	if (!queue->sleepers)
		return;
	/* Where that failed when the bell rang last. */
	if (!queue->bell_armed)
		kaio_queue_arm_bell(queue);
	if ((!queue_in_flight(queue) &&
	     (queue->leaving || queue_pending(queue))) ||
	    (queue->sleepers > queue->draining && queue_has_news(queue)))
		kaio_queue_ring_bell(queue);
}

/* What each public function begins with, and ends with. */
__attribute__((cold)) int kaio_queue_enter(struct kaio_queue *queue);
__attribute__((cold)) void kaio_queue_leave(struct kaio_queue *queue);

static inline int queue_enter(struct kaio_queue *queue)
{
	return queue && queue->plain ? 0 : kaio_queue_enter(queue);
}

static inline void queue_leave(struct kaio_queue *queue)
{
	if (!queue->plain)
		kaio_queue_leave(queue);
}

/* How many of those that are pending have room in the kernel. */
static inline long queue_ready_to_go(const struct kaio_queue *queue)
{
	struct kaio_iocb **end =
		queue->first + (queue->depth - queue->strays.nr);

	if (end > queue->room.next)
		end = queue->room.next;
	return end - queue->head;
}

/* As kaio_submit(), which each batch would have to call. */
static inline long queue_io_submit(struct kaio_queue *queue, long nr)
{
	queue->stats.submit_calls++;
	return syscall(SYS_io_submit, queue->ctx, nr, queue->head);
}

static inline void queue_took(struct kaio_queue *queue, long nr)
{
	queue->head += nr;
	queue->refusals = 0;
	queue->stats.submitted += (unsigned long)nr;
}

/* Hands pending over as far as there is room; how many the kernel took. */
int kaio_queue_hand_over(struct kaio_queue *queue);

/* The same, after an io_submit of nr that returned ret; errno was saved. */
__attribute__((cold)) int kaio_queue_hand_over_rest(struct kaio_queue *queue,
						    long nr, long ret,
						    int saved);

static inline int queue_hand_over(struct kaio_queue *queue)
{
	return queue->head == queue->room.next ? 0
					       : kaio_queue_hand_over(queue);
}

/* Without a call, for where it is worth it. */
static inline int queue_hand_over_here(struct kaio_queue *queue)
{
	long nr = queue_ready_to_go(queue);
	int saved;
	long ret;

	if (!nr)
		return 0;
	saved = errno;
	ret = queue_io_submit(queue, nr);
	if (ret != nr)
		return kaio_queue_hand_over_rest(queue, nr, ret, saved);
	queue_took(queue, nr);
	return (int)nr;
}

/* Makes strays of all that is in flight, so that the line begins at its head.
 */
__attribute__((cold)) void kaio_queue_scatter(struct kaio_queue *queue);

/* Takes an operation that has completed out of flight, wherever it is. */
void kaio_queue_land(struct kaio_queue *queue, uint64_t iocb);

/* Makes the completion of an operation that the kernel does not have. */
void kaio_queue_complete(struct kaio_queue *queue, const struct kaio_iocb *iocb,
			 int error);

/*
 * As kaio_queue_push() of *nr operations, their iocbs stride bytes apart, up to
 * the first that is not accepted; *nr: how many were.
 */
int kaio_queue_push_row(struct kaio_queue *queue, void *row, size_t stride,
			unsigned *nr);

/* The same, and then kaio_queue_submit(). */
unsigned kaio_queue_submit_row(struct kaio_queue *queue, void *row,
			       size_t stride, unsigned nr);

/* Pushes a row to a plain queue, if there is room for all; of one at least. */
static inline bool queue_push_row_plainly(struct kaio_queue *queue, void *row,
					  size_t stride, unsigned nr)
{
	struct kaio_iocb **place;
	struct kaio_iocb **end;

	if (!queue->plain ||
	    (size_t)((char *)queue->room.end - (char *)queue->room.next) <
		    nr * sizeof(*place))
		return false;
	place = queue->room.next;
	end = queue->room.next = place + nr;
	do {
		*place++ = row;
		row = (char *)row + stride;
	} while (place != end);
	return true;
}

/*
 * As kaio_queue_run(), with a deadline as in deadline.h; *cut: a signal or a
 * wake ended it, and no deadline.
 */
int kaio_queue_run_until(struct kaio_queue *queue, unsigned min,
			 int64_t deadline, bool *cut);

/* Cancels what is pending of all operations whose iocbs are in [from, to). */
void kaio_queue_withdraw(struct kaio_queue *queue, const void *from,
			 const void *to);

/*
 * To be asked after an -EINVAL: is it the context's? With it went its ring and
 * the completions that were to come, so that all operations fail.
 */
bool kaio_queue_fail_if_dead(struct kaio_queue *queue);

/* When the bell's event was collected. */
void kaio_queue_silence_bell(struct kaio_queue *queue);

/* Takes the wake, if there was one since the last time. */
bool kaio_queue_was_woken(struct kaio_queue *queue);

/* The level of the eventfd, where there is one: down before collecting, up if
 * some are left. */
void kaio_queue_lower_eventfd(struct kaio_queue *queue);
void kaio_queue_raise_eventfd(struct kaio_queue *queue);

#endif
