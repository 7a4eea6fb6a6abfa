/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The state of a queue.
 *
 * An operation that kaio_queue_push() accepted is in exactly one of three
 * places, and moves through them in this order:
 *
 *   pending    pushed, not yet in the kernel: slots [head, tail), first in,
 *              first out;
 *   in flight  in the kernel, its completion not yet collected. These are only
 *              counted: which they are, the kernel knows;
 *   done       completed, not yet with the caller: done[done_head, done_tail).
 *              Made here for an operation that the kernel would not take, or
 *              collected from it.
 *
 * All together they are never more than capacity, and one that was cancelled
 * before it was pushed: slots and done have room for that. The indexes of done
 * run freely and are masked on access. Pending operations are moved to the
 * first slot when tail meets the last one, so that what io_submit gets is one
 * array.
 *
 * An iocb is not touched after the kernel took it: the memory may be gone.
 *
 * Threads. Under KAIO_QUEUE_SHARED the lock protects all of this but what is
 * marked atomic. At most one thread, the reaper, waits for the kernel:
 * queue->reaper is what it waits for, and in_kernel is set while it is in
 * io_getevents, without the lock. Only the reaper collects then; at all other
 * times who has the lock may. All other threads that wait sleep on changed. No
 * thread has the lock or is the reaper while it is in a callback.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "atomic.h"

#include <kaio/queue.h>
#include <kaio/ring.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* The owner of a queue whose memory the kernel wipes in children. */
#define WIPED_BY_FORK (-1)

struct link {
	struct link *next, *prev;
};

/* The layer above: transfers, of more operations than there is room for. */
struct queue_client {
	struct link transfers;
	unsigned nr_waiting; /* atomic: those in waiting */
	struct link waiting; /* for slots, first come, first served */
	/* With the lock: pushes what there is room for. */
	void (*push_waiting)(struct kaio_queue *queue);
	/* The kernel has let go of all operations; the queue is about to go. */
	void (*end)(struct kaio_queue *queue);
};

/* What a thread waits for: see queue_wait_is_over(). */
struct queue_wait {
	unsigned min;	 /* so many completions in done */
	bool calls_back; /* any will do: its callback may push more */
	bool drain;	 /* or rather: that nothing is outstanding */
	bool when_idle;	 /* goes on although nothing is outstanding */
	bool has_taken;	 /* completions, lost if the thread is cancelled now */
	const uint32_t
		*post;	  /* of a transfer, or NULL; atomic: its last post */
	uint32_t last;	  /* that is over, which was this one */
	int64_t deadline; /* as in deadline.h */
	int interrupted;  /* result: -EINPROGRESS by the deadline or a wake, or
			   * the error that ended it */
	struct kaio_queue *queue; /* while it sleeps on changed */
};

struct kaio_queue {
	bool fast;   /* one thread, no descriptors, owner WIPED_BY_FORK */
	bool gone;   /* somebody else has destroyed the context */
	pid_t owner; /* WIPED_BY_FORK, or the pid to compare; 0: wiped */
	uint32_t flags;
	unsigned depth;
	unsigned capacity;
	kaio_context_t ctx;
	struct kaio_ring ring; /* its header is NULL where there is none */
	struct kaio_event *done;

	/* Cache lines: what each operation writes, its counters, the lock. */
	struct kaio_iocb **head __attribute__((aligned(64)));
	struct kaio_iocb **tail;     /* atomic */
	struct kaio_iocb **push_end; /* a fast queue has room up to here */
	unsigned inflight;
	unsigned retries; /* of the first pending operation */
	unsigned done_head, done_tail;
	unsigned done_mask;
	struct kaio_iocb **slots, **slots_end;

	struct kaio_queue_stats stats __attribute__((aligned(64)));
	uint64_t reaped_by_syscall;
	size_t mapped; /* bytes: this structure and its arrays */
	int64_t spin_ns;
	struct queue_client client;

	int eventfd;	     /* under KAIO_QUEUE_EVENTFD, else -1 */
	bool eventfd_raised; /* by the queue, since it was last lowered */
	bool eventfd_missed; /* lowered while the reaper was in the kernel */

	pthread_mutex_t lock __attribute__((aligned(64)));
	pthread_cond_t changed;
	unsigned waiters; /* threads that sleep on changed */
	unsigned drains;  /* those of them that take no completions */
	const struct queue_wait *reaper;
	bool in_kernel;
	bool use_pgetevents; /* io_getevents was refused */

	/* See wakeup.c. */
	int wakeup_fd; /* under KAIO_QUEUE_WAKE or _SHARED, else -1 */
	bool wakeup_armed;
	bool wakeup_signaled; /* atomic */
	bool woken;	      /* by kaio_queue_wake(); atomic */
	struct kaio_iocb wakeup;
};

static inline unsigned queue_pending(const struct kaio_queue *queue)
{
	return (unsigned)(queue->tail - queue->head);
}

static inline unsigned queue_done(const struct kaio_queue *queue)
{
	return queue->done_tail - queue->done_head;
}

static inline unsigned queue_outstanding(const struct kaio_queue *queue)
{
	return queue_pending(queue) + queue->inflight + queue_done(queue);
}

static inline unsigned queue_room(const struct kaio_queue *queue)
{
	unsigned outstanding = queue_outstanding(queue);

	return outstanding < queue->capacity ? queue->capacity - outstanding
					     : 0;
}

/* So many completions are with the caller: as many more may be pushed. */
static inline void queue_delivered_fast(struct kaio_queue *queue, unsigned nr)
{
	queue->push_end += nr;
	if (queue->push_end > queue->slots_end)
		queue->push_end = queue->slots_end;
}

/* Room is -1 while one that was cancelled is too many. */
static inline void queue_set_push_end(struct kaio_queue *queue)
{
	ptrdiff_t room = (ptrdiff_t)queue->capacity - queue_outstanding(queue);

	if (!queue->fast)
		return;
	queue->push_end = queue->slots_end;
	if (queue->slots_end - queue->tail > room)
		queue->push_end = queue->tail + room;
}

/* Whether completions are to come. */
static inline bool queue_is_busy(const struct kaio_queue *queue)
{
	return queue->inflight || queue->head != queue->tail;
}

static inline bool queue_has_waiting(const struct kaio_queue *queue)
{
	return READ_ONCE(queue->client.nr_waiting);
}

static inline void queue_push_waiting(struct kaio_queue *queue)
{
	if (unlikely(queue_has_waiting(queue)))
		queue->client.push_waiting(queue);
}

/*
 * Whether a wait goes on with nothing outstanding: other threads may push, and
 * kaio_queue_wake() can end it.
 */
static inline bool queue_waits_when_idle(const struct kaio_queue *queue)
{
	const uint32_t both = KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE;

	return (queue->flags & both) == both;
}

static inline int queue_check(const struct kaio_queue *queue)
{
	if (!queue)
		return -EINVAL;
	if (queue->owner == WIPED_BY_FORK || queue->owner == getpid())
		return 0;
	return -ECHILD;
}

/* Also for those that only read. */
static inline void queue_lock(const struct kaio_queue *queue)
{
	if (queue->flags & KAIO_QUEUE_SHARED)
		pthread_mutex_lock((pthread_mutex_t *)&queue->lock);
}

static inline void queue_unlock(const struct kaio_queue *queue)
{
	if (queue->flags & KAIO_QUEUE_SHARED)
		pthread_mutex_unlock((pthread_mutex_t *)&queue->lock);
}

/* What each public function begins with, and ends with. */
__attribute__((cold)) int kaioq_enter(struct kaio_queue *queue);
__attribute__((cold)) void kaioq_leave(struct kaio_queue *queue);

static inline int queue_enter(struct kaio_queue *queue)
{
	return likely(queue && queue->fast) ? 0 : kaioq_enter(queue);
}

static inline void queue_leave(struct kaio_queue *queue)
{
	if (unlikely(!queue->fast))
		kaioq_leave(queue);
}

#endif
