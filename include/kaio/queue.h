/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The queue layer: one context, an ordered backlog, and one way to collect.
 *
 * What a queue promises:
 *
 * 1. Exactly once. Every operation that kaio_queue_push() accepted produces
 *    exactly one completion, unless the queue is destroyed before: its result
 *    from the kernel, or the error for which the kernel would not take it, or
 *    -ECANCELED.
 * 2. Operations enter the kernel in the order in which they were pushed.
 * 3. One bad operation costs one operation: those beside it go on.
 * 4. A batch that the kernel takes in part is no error: the rest stays in the
 *    backlog and goes in as room appears.
 * 5. Nothing blocks unless its name is wait, run, drain or destroy; but
 *    submission itself may, as kaio_submit() says.
 * 6. No memory is allocated after kaio_queue_create(), and no lock taken but
 *    under KAIO_QUEUE_SHARED.
 * 7. Never more operations are in flight than the queue's depth.
 *
 * An iocb stays the caller's memory. From kaio_queue_push() until its
 * completion has been collected it must stay valid and unchanged, and so must
 * its iovecs; its buffers are the kernel's for as long.
 *
 * A queue belongs to one thread at a time, or to all under KAIO_QUEUE_SHARED.
 * In a child of fork(2) its functions return -ECHILD, or 0 those that return a
 * count only, and the parent's queue goes on as if nothing had been.
 */
#ifndef KAIO_QUEUE_H
#define KAIO_QUEUE_H

#include <kaio/abi.h>

KAIO_BEGIN_DECLS

/* A timeout that never ends. */
#define KAIO_FOREVER ((int64_t)-1)

/* For kaio_queue_params.spin_ns: waits sleep at once, the default. */
#define KAIO_NO_SPIN ((int64_t)0)

struct kaio_queue;

/*
 * An operation that calls back, for kaio_queue_run(). It is pushed by its iocb,
 * and the callback finds what it belongs to by its own address.
 */
struct kaio_op {
	struct kaio_iocb iocb;
	void (*complete)(struct kaio_op *op, int64_t res);
};

enum kaio_queue_flags {
	/*
	 * Collect with system calls only, not from the ring. So does
	 * KAIO_NO_RING=1 in the environment; and a queue does it by itself
	 * under Valgrind, unless KAIO_NO_RING=0, and wherever
	 * kaio_ring_attach() refuses.
	 */
	KAIO_QUEUE_NO_RING = 1 << 0,
	KAIO_QUEUE_WAKE = 1 << 1,    /* kaio_queue_wake() works */
	KAIO_QUEUE_EVENTFD = 1 << 2, /* kaio_queue_eventfd() works */
	/*
	 * Any thread may call any function, but for creating and destroying the
	 * queue, while others wait. With KAIO_QUEUE_WAKE as well, a wait goes
	 * on when nothing is outstanding: other threads may yet push. No lock
	 * is held while a thread sleeps or calls back; but submission holds it,
	 * so that a slow io_submit(2) delays the other threads.
	 */
	KAIO_QUEUE_SHARED = 1 << 3,
	/* Where fs.aio-max-nr is short, halve the depth until it fits. */
	KAIO_QUEUE_SHRINK = 1 << 4
};

/* How to create a queue; all zeros are the defaults. */
struct kaio_queue_params {
	uint32_t backlog;     /* operations that may wait beyond the depth */
	uint32_t flags;	      /* KAIO_QUEUE_* */
	int64_t spin_ns;      /* how long a wait watches the ring before it
			       * sleeps; 0: where it is faster, which the
			       * queue finds out; KAIO_NO_SPIN: not */
	uint64_t reserved[6]; /* must be 0 */
};

/*
 * What a queue has done since it was created.
 * pushed = kaio_queue_backlog() + kaio_queue_inflight() + completed
 *	    + completions that wait to be collected.
 */
struct kaio_queue_stats {
	uint64_t pushed;	  /* operations accepted */
	uint64_t submitted;	  /* operations the kernel took */
	uint64_t completed;	  /* completions handed to the caller */
	uint64_t rejected;	  /* operations the kernel would not take */
	uint64_t canceled;	  /* operations cancelled in the backlog */
	uint64_t partial_submits; /* batches the kernel took in part */
	uint64_t eagains;	  /* times the kernel had no room or memory */
	uint64_t submit_calls;	  /* system calls io_submit */
	uint64_t getevents_calls; /* system calls io_getevents, or
				   * io_pgetevents where that is refused */
	uint64_t cancel_calls;	  /* system calls io_cancel */
	uint64_t ring_reaps;  /* completions collected with no system call */
	uint64_t reserved[5]; /* 0 */
};

/**
 * kaio_queue_create - create a queue
 * @queue: receives the queue, for kaio_queue_destroy() to end
 * @depth: operations that may be in flight at once, 1 to 4194304
 * @params: how; read before it returns; NULL for the defaults
 *
 * @depth counts against fs.aio-max-nr until the queue is destroyed. Together
 * with the backlog it also bounds what may be outstanding: pushed and not yet
 * collected. KAIO_QUEUE_WAKE and _SHARED take one more from the limit, and from
 * the largest depth, and a file descriptor; KAIO_QUEUE_EVENTFD takes one, too.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @queue is NULL; @depth is out of range; @params has an unknown flag,
 *	a spin_ns below KAIO_NO_SPIN or a reserved member that is not 0; or
 *	depth and backlog exceed INT_MAX
 * -EAGAIN: fs.aio-max-nr would be exceeded, with KAIO_QUEUE_SHRINK even by a
 *	depth of 1
 * -EMFILE: KAIO_QUEUE_WAKE, _SHARED or _EVENTFD, and the process has no file
 *	descriptor left
 * -ENFILE: likewise, and the system has none left
 * -ENOTSUP: KAIO_QUEUE_WAKE or _SHARED, and the kernel has no polls: it is
 *	older than Linux 4.19
 * -ENOMEM: no memory
 * -ENOSYS: the kernel was built without AIO, or seccomp says so
 * -EPERM: seccomp forbids AIO
 * Context: may block for memory; thread-safe; not async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_create(struct kaio_queue **queue, unsigned depth,
		      const struct kaio_queue_params *params);

/**
 * kaio_queue_destroy - end a queue
 * @queue: the queue, or NULL, which does nothing
 *
 * Operations in the backlog are dropped, polls in flight cancelled, all others
 * in flight waited for: when it returns, the kernel has let go of every buffer.
 * Completions that were not collected are lost with the queue; use
 * kaio_queue_drain() and collect them first. It takes tens of milliseconds even
 * when nothing is in flight.
 *
 * Return: 0, or a negative errno:
 * -ECHILD: the queue belongs to the parent of this process, and was left alone
 * Context: blocks; the queue's thread only, when no other uses it; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_destroy(struct kaio_queue *queue);

/**
 * kaio_queue_push - put an operation at the end of the backlog
 * @queue: the queue
 * @iocb: a prepared operation, the caller's; to stay valid and unchanged until
 *	its completion has been collected
 *
 * No system call is made: kaio_queue_submit() and kaio_queue_wait() hand the
 * backlog over, and so do kaio_queue_run(), _drain() and _reap(). A thread that
 * is asleep does not notice a push: kaio_queue_submit() after it.
 *
 * Under KAIO_QUEUE_EVENTFD it gives @iocb the queue's eventfd, which stays
 * there: before @iocb is pushed to another queue, prepare it anew or call
 * kaio_iocb_clear_eventfd().
 *
 * Return: 0, or a negative errno, and the operation was not accepted:
 * -EINVAL: @queue or @iocb is NULL; or @iocb has an eventfd of its own, and the
 *	queue has KAIO_QUEUE_EVENTFD
 * -ENOBUFS: as many operations are outstanding as depth and backlog allow;
 *	collect some
 * -ECHILD: the queue belongs to the parent of this process
 * Context: does not block; the queue's thread only, or any under
 * KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_push(struct kaio_queue *queue, struct kaio_iocb *iocb);

/**
 * kaio_queue_submit - hand the backlog to the kernel, as far as there is room
 * @queue: the queue
 *
 * Operations that the kernel would not take become completions, to be collected
 * like all others.
 *
 * Return: how many the kernel took, which may be 0; or a negative errno:
 * -EINVAL: @queue is NULL
 * -ECHILD: the queue belongs to the parent of this process
 * Context: may block as kaio_submit() says; the queue's thread only, or any
 * under KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_submit(struct kaio_queue *queue);

/**
 * kaio_queue_reap - collect what is ready
 * @queue: the queue
 * @events: receives the completions
 * @max: room in @events
 *
 * The backlog moves on, too, as far as there is room.
 *
 * Return: how many completions, 0 to @max; or a negative errno:
 * -EINVAL: @queue is NULL; @events is NULL and @max is not 0; or @max exceeds
 *	INT_MAX
 * -EFAULT: @events cannot be written; nothing is lost (only where completions
 *	are collected by system call: elsewhere it is a SIGSEGV)
 * -ECHILD: the queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2); only without
 *	the ring
 * -ENOSYS: likewise
 * Context: does not wait, but may block as kaio_submit() says; the queue's
 * thread only, or any under KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_reap(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned max);

/**
 * kaio_queue_wait - submit, and collect at least so many completions
 * @queue: the queue
 * @events: receives the completions
 * @min: wait until there are so many, 0 to @max; 0 does not wait
 * @max: room in @events
 * @timeout_ns: for how long to wait, in nanoseconds from the call; 0 not at
 *	all, KAIO_FOREVER without end
 *
 * When fewer than @min operations are outstanding, it waits for those; when
 * none is, it returns 0 at once. But under KAIO_QUEUE_SHARED together with
 * KAIO_QUEUE_WAKE it goes on until it has one completion at least, which other
 * threads may yet push.
 *
 * Return: how many completions, fewer than @min only if the time was up,
 * kaio_queue_wake() came, no more are outstanding, or a signal or an error came
 * after these, which the next call will find; or a negative errno, and no
 * completion was collected:
 * -EINVAL: @queue is NULL; @events is NULL and @max is not 0; @min exceeds
 *	@max; @max exceeds INT_MAX; or @timeout_ns is negative and not
 *	KAIO_FOREVER
 * -EINTR: a signal came, or other work the kernel had for this thread, while
 *	there was nothing to collect; call again
 * -EFAULT: @events cannot be written; nothing is lost (only where completions
 *	are collected by system call: elsewhere it is a SIGSEGV)
 * -ECHILD: the queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2), and without
 *	them one cannot sleep
 * -ENOSYS: likewise
 * Context: blocks; the queue's thread only, or any under KAIO_QUEUE_SHARED; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_wait(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned min, unsigned max, int64_t timeout_ns);

/**
 * kaio_queue_run - submit, and call back for at least so many completions
 * @queue: the queue; every operation in it is the iocb of a struct kaio_op
 * @min: wait until there are so many; 0 does not wait
 * @timeout_ns: for how long to wait, in nanoseconds from the call; 0 not at
 *	all, KAIO_FOREVER without end
 *
 * As kaio_queue_wait(), but calls op->complete(op, res) for each completion,
 * res being what an event's res is. The operation is the caller's again before
 * the call. Callbacks are made on the calling thread, one after the other, with
 * no lock held. One may push this operation and others, submit, cancel, and run
 * the queue again, but not destroy it. One that pushes its operation again each
 * time does not keep the caller here: only completions that were there before
 * the callbacks began count as ready. With a @min of more than 1 it may sleep
 * until so many are there before it calls back for any.
 *
 * Return: how many callbacks were made, fewer than @min only if the time was
 * up, a signal or kaio_queue_wake() came, or no more are outstanding; or a
 * negative errno, and no callback was made:
 * -EINVAL: @queue is NULL; @min exceeds INT_MAX; or @timeout_ns is negative
 *	and not KAIO_FOREVER
 * -EINTR: a signal came, or other work the kernel had for this thread, while
 *	there was nothing to collect; call again
 * -ELOOP: 16 calls of it for this queue are within each other on this thread
 * -ECHILD: the queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2), and without
 *	them one cannot sleep
 * -ENOSYS: likewise
 * Context: blocks; the queue's thread only, or any under KAIO_QUEUE_SHARED; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_run(struct kaio_queue *queue, unsigned min, int64_t timeout_ns);

/**
 * kaio_queue_wake - end a wait
 * @queue: a queue created with KAIO_QUEUE_WAKE
 *
 * A thread that waits in kaio_queue_wait() or kaio_queue_run() returns with
 * what it has, which may be 0; if none waits, the next one to wait does. One
 * wake ends one wait, and many before that are one. Calls that do not wait,
 * with a @min or a timeout of 0, leave it to the next that does. As a wait that
 * is woken may return completions, what it returns does not tell: say why in a
 * variable, before the wake, that the waiter looks at after each wait.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @queue is NULL, or was created without KAIO_QUEUE_WAKE
 * -ECHILD: the queue belongs to the parent of this process
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_wake(struct kaio_queue *queue);

/**
 * kaio_queue_eventfd - the file descriptor to put into an event loop
 * @queue: a queue created with KAIO_QUEUE_EVENTFD
 *
 * It is readable while there is something to collect, errors made by the queue
 * included, and now and then when there is nothing; kaio_queue_reap(), _wait()
 * and _run() clear it. Wait for it level-triggered, and neither read nor close
 * it. Operations that were given an eventfd of their own cannot be pushed to
 * such a queue: it uses their resfd.
 *
 * Return: the queue's file descriptor, or a negative errno:
 * -EINVAL: @queue is NULL, or was created without KAIO_QUEUE_EVENTFD
 * -ECHILD: the queue belongs to the parent of this process
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_eventfd(struct kaio_queue *queue);

/**
 * kaio_queue_cancel - cancel an operation
 * @queue: the queue
 * @iocb: the operation, at the address it was pushed from
 *
 * An operation in the backlog completes with -ECANCELED. A poll in flight is
 * cancelled in the kernel and completes with 0. Pushed more than once, the one
 * that has waited longest in the backlog is meant.
 *
 * Return: 0, and its completion will come; or a negative errno:
 * -EINVAL: @queue or @iocb is NULL
 * -EBUSY: it is in flight and cannot be cancelled, or has just completed; its
 *	completion will come
 * -ENOENT: it is neither in the backlog nor in flight: never pushed, collected,
 *	or complete and only to be collected
 * -ECHILD: the queue belongs to the parent of this process
 * Context: does not block, but takes time in proportion to what is outstanding;
 * the queue's thread only, or any under KAIO_QUEUE_SHARED; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_cancel(struct kaio_queue *queue, struct kaio_iocb *iocb);

/**
 * kaio_queue_drain - wait until nothing is in the backlog or in flight
 * @queue: the queue
 * @timeout_ns: for how long to wait, in nanoseconds from the call; 0 not at
 *	all, KAIO_FOREVER without end
 *
 * The completions stay to be collected.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @queue is NULL, or @timeout_ns is negative and not KAIO_FOREVER
 * -ETIMEDOUT: the time was up before
 * -EINTR: a signal came before, or other work the kernel had for this thread;
 *	call again
 * -ECHILD: the queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2), and without
 *	them one cannot sleep
 * -ENOSYS: likewise
 * Context: blocks; the queue's thread only, or any under KAIO_QUEUE_SHARED; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_drain(struct kaio_queue *queue, int64_t timeout_ns);

/**
 * kaio_queue_inflight - count the operations that the kernel has
 * @queue: the queue, or NULL
 *
 * Return: how many it took whose completion has not been taken from it.
 * Context: does not block; the queue's thread only, or any under
 * KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
unsigned kaio_queue_inflight(const struct kaio_queue *queue);

/**
 * kaio_queue_backlog - count the operations that wait to be submitted
 * @queue: the queue, or NULL
 *
 * Return: how many were pushed that the kernel has not had.
 * Context: does not block; the queue's thread only, or any under
 * KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
unsigned kaio_queue_backlog(const struct kaio_queue *queue);

/**
 * kaio_queue_depth - tell how many operations may be in flight
 * @queue: the queue, or NULL
 *
 * Return: the depth that was asked for, or under KAIO_QUEUE_SHRINK obtained.
 * Context: does not block; the queue's thread only, or any under
 * KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
unsigned kaio_queue_depth(const struct kaio_queue *queue);

/**
 * kaio_queue_stats - tell what a queue has done
 * @queue: the queue, or NULL
 * @stats: receives the counters, not NULL; all 0 where there is no queue, and
 *	in a child of fork(2)
 *
 * Context: does not block; the queue's thread only, or any under
 * KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
void kaio_queue_stats(const struct kaio_queue *queue,
		      struct kaio_queue_stats *stats);

KAIO_END_DECLS

#endif
