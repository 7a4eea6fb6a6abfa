/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The queue layer: one context, an ordered backlog, and one way to collect.
 *
 * What a queue guarantees:
 *
 * 1. Exactly once. Every operation that kaio_queue_push() accepted produces
 *    exactly one completion, unless the queue is destroyed before: its result
 *    from the kernel, or the error for which the kernel refused it, or
 *    -ECANCELED. (One exception: if somebody else destroys the queue's context,
 *    completions are gone with it, and all calls return -EINVAL.)
 * 2. Operations enter the kernel in the order in which they were pushed.
 * 3. One bad operation costs one operation: its neighbours go on.
 * 4. A batch that the kernel accepts in part is no error: the rest stays in the
 *    backlog and is submitted as room appears.
 * 5. Only wait, run, drain and destroy wait; but submission may block, as
 *    kaio_submit() says.
 * 6. No memory is allocated after kaio_queue_create(), and no lock taken except
 *    under KAIO_QUEUE_SHARED.
 * 7. Never more operations are in flight than the queue's depth.
 * 8. A wait sleeps, unless spin_ns asks for more, and never while there is
 *    something to submit that the kernel would take.
 * 9. A callback may be left by longjmp(3) or a C++ exception: the queue holds
 *    nothing meanwhile, and goes on with the next call.
 *
 * An iocb stays the caller's memory. From kaio_queue_push() until its
 * completion has been collected it must stay valid and unchanged, and so must
 * its iovecs; its buffers belong to the kernel meanwhile. Its file descriptor
 * may be closed once the operation is in flight.
 *
 * A queue is used by one thread at a time, or by any number under
 * KAIO_QUEUE_SHARED. In a child of fork(2) its functions return -ECHILD, or 0
 * those that return a count, and the parent's queue is not affected.
 *
 * Thread cancellation (deferred, the default of pthread_cancel(3)): where a
 * queue has any of KAIO_QUEUE_WAKE, _EVENTFD and _SHARED, the functions that
 * collect (reap, wait, run, drain, and test and wait of a transfer) are
 * cancellation points, when they begin and while they wait for another thread;
 * not while the kernel has the thread, and nothing is lost. All other functions
 * are none.
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
	 * Any thread may call any function while others wait, except to create
	 * and destroy the queue. With KAIO_QUEUE_WAKE as well, a wait goes on
	 * when nothing is outstanding: other threads may push. No lock is held
	 * while a thread sleeps or calls back; but submission holds it, so that
	 * a slow io_submit(2) delays the other threads.
	 */
	KAIO_QUEUE_SHARED = 1 << 3,
	/* Where fs.aio-max-nr is short, halve the depth until it fits. */
	KAIO_QUEUE_SHRINK = 1 << 4
};

/* How to create a queue; all zeros are the defaults. */
struct kaio_queue_params {
	uint32_t backlog;     /* operations that may wait beyond the depth */
	uint32_t flags;	      /* KAIO_QUEUE_* */
	int64_t spin_ns;      /* how long a wait reads the ring in a loop
			       * before it sleeps, in nanoseconds; 0: not */
	uint64_t reserved[6]; /* must be 0 */
};

/*
 * What a queue has done since it was created.
 * pushed = kaio_queue_backlog() + kaio_queue_inflight() + completed
 *	    + completions that wait to be collected.
 */
struct kaio_queue_stats {
	uint64_t pushed;	  /* operations accepted */
	uint64_t submitted;	  /* operations the kernel accepted */
	uint64_t completed;	  /* completions handed to the caller */
	uint64_t rejected;	  /* operations the kernel refused */
	uint64_t canceled;	  /* operations cancelled in the backlog */
	uint64_t partial_submits; /* batches the kernel accepted in part */
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
 * These descriptors must not be closed while the queue exists, by closefrom(3)
 * for example: the queue would write into whatever file gets the number.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @queue is NULL; @depth is out of range; @params has an unknown flag,
 *	a negative spin_ns or a reserved member that is not 0; or depth and
 *	backlog exceed INT_MAX
 * -EAGAIN: fs.aio-max-nr would be exceeded, with KAIO_QUEUE_SHRINK even by a
 *	depth of 1
 * -EMFILE: KAIO_QUEUE_WAKE, _SHARED or _EVENTFD, and the process has no file
 *	descriptor left
 * -ENFILE: as -EMFILE, for the whole system
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
 * Return: 0, or a negative errno, and the queue is as it was:
 * -ECHILD: the queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_destroy(2)
 * -ENOSYS: seccomp says that there is no io_destroy(2)
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
 * No system call is made: kaio_queue_submit() and all functions that collect
 * submit the backlog. A thread that is asleep does not notice a push: call
 * kaio_queue_submit() after it.
 *
 * Under KAIO_QUEUE_EVENTFD it gives @iocb the queue's eventfd, which stays
 * there: before @iocb is pushed to another queue, prepare it anew or call
 * kaio_iocb_clear_eventfd().
 *
 * Return: 0, or a negative errno, and the operation was not accepted:
 * -EINVAL: @queue or @iocb is NULL; @iocb has an eventfd of its own, and the
 *	queue has KAIO_QUEUE_EVENTFD; or the queue's context is gone
 * -ENOBUFS: as many operations are outstanding as depth and backlog allow;
 *	collect some
 * -ECHILD: the queue belongs to the parent of this process
 * Context: does not block; the queue's thread only, or any under
 * KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_push(struct kaio_queue *queue, struct kaio_iocb *iocb);

/**
 * kaio_queue_submit - submit the backlog, as far as there is room
 * @queue: the queue
 *
 * Operations that the kernel refuses become completions, to be collected like
 * all others.
 *
 * Return: how many the kernel accepted, which may be 0; or a negative errno:
 * -EINVAL: @queue is NULL, or its context is gone
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
 * The backlog is submitted, too, as far as there is room.
 *
 * Return: how many completions, 0 to @max; or a negative errno:
 * -EINVAL: @queue is NULL; @events is NULL and @max is not 0; @max exceeds
 *	INT_MAX; or the queue's context is gone
 * -ECHILD: the queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2); only without
 *	the ring
 * -ENOSYS: as -EPERM, where seccomp says so
 * Context: does not wait, but may block as kaio_submit() says; the queue's
 * thread only, or any under KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_reap(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned max);

/**
 * kaio_queue_wait - submit, and collect at least some number of completions
 * @queue: the queue
 * @events: receives the completions
 * @min: wait until there are so many, 0 to @max; 0 does not wait
 * @max: room in @events
 * @timeout_ns: for how long to wait, in nanoseconds from the call; 0 not at
 *	all, KAIO_FOREVER without end
 *
 * When fewer than @min operations are outstanding, it waits for those; when
 * none is, it returns 0 at once. But under KAIO_QUEUE_SHARED together with
 * KAIO_QUEUE_WAKE it goes on until it has at least one completion, as other
 * threads may push.
 *
 * Of several threads that wait on a shared queue, one waits for the kernel, and
 * the others for that one; signals interrupt the former only.
 *
 * Return: how many completions, fewer than @min only if it timed out,
 * kaio_queue_wake() came, no more are outstanding, or a signal or an error came
 * after these, which the next call will report; or a negative errno, and no
 * completion was collected:
 * -EINVAL: @queue is NULL; @events is NULL and @max is not 0; @min exceeds
 *	@max; @max exceeds INT_MAX; @timeout_ns is negative and not
 *	KAIO_FOREVER; or the queue's context is gone
 * -EINTR: a signal came, or other work the kernel had for this thread, while
 *	there was nothing to collect; call again
 * -ECHILD: the queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2), without which
 *	no thread can sleep
 * -ENOSYS: as -EPERM, where seccomp says so
 * Context: blocks; the queue's thread only, or any under KAIO_QUEUE_SHARED; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_wait(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned min, unsigned max, int64_t timeout_ns);

/**
 * kaio_queue_run - submit, and call back for at least some number of
 *	completions
 * @queue: the queue; every operation in it is the iocb of a struct kaio_op
 * @min: wait until there are so many; 0 does not wait
 * @timeout_ns: for how long to wait, in nanoseconds from the call; 0 not at
 *	all, KAIO_FOREVER without end
 *
 * As kaio_queue_wait(), but calls op->complete(op, res) for each completion,
 * res being what an event's res is. The operation is the caller's again before
 * the call. Callbacks are made on the calling thread, one after the other, with
 * no lock held. One may push this operation and others, submit, cancel, and run
 * the queue again, but not destroy it. It may be left by longjmp(3) or a C++
 * exception, which ends this call; completions that it has not called back for
 * stay to be collected. A callback that pushes its operation again each time
 * does not keep the caller here: only completions that were there before the
 * first callback are called back for until @min is looked at again.
 *
 * Completions that are there are called back for before it sleeps; but with a
 * @min of more than 1 and nothing in the backlog it may then sleep until all
 * that are missing are there.
 *
 * Return: how many callbacks were made, fewer than @min only if it timed out, a
 * signal or kaio_queue_wake() came, or no more are outstanding; or a negative
 * errno, and no callback was made:
 * -EINVAL: @queue is NULL; @min exceeds INT_MAX; @timeout_ns is negative and
 *	not KAIO_FOREVER; or the queue's context is gone
 * -EINTR: a signal came, or other work the kernel had for this thread, while
 *	there was nothing to collect; call again
 * -ECHILD: the queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2), without which
 *	no thread can sleep
 * -ENOSYS: as -EPERM, where seccomp says so
 * Context: blocks; the queue's thread only, or any under KAIO_QUEUE_SHARED; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_run(struct kaio_queue *queue, unsigned min, int64_t timeout_ns);

/**
 * kaio_queue_wake - end a wait
 * @queue: a queue created with KAIO_QUEUE_WAKE
 *
 * A thread that waits in kaio_queue_wait(), kaio_queue_run() or
 * kaio_transfer_wait() returns with what it has, which may be 0; if none waits,
 * the next one to wait does. One wake ends one wait; several wakes before that
 * count as one. Calls that do not wait, with a @min or a timeout of 0, leave it
 * to the next that does. As a wait that is woken may return completions, its
 * result does not show the wake: record the reason in a variable first, which
 * the waiter reads after each wait.
 *
 * It writes to a file descriptor of the queue's: see kaio_queue_create() for a
 * program that closes all its descriptors.
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
 * included, and while the kernel has no memory for the backlog, which the next
 * call submits again; spurious readiness is possible. kaio_queue_reap(),
 * _wait() and _run() clear it. Wait for it level-triggered, and neither read
 * nor close it. Operations that were given an eventfd of their own cannot be
 * pushed to such a queue: it uses their resfd.
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
 * cancelled in the kernel and completes with 0. Of an operation that was pushed
 * more than once, the one that has waited longest in the backlog is cancelled.
 *
 * Return: 0, and its completion will come; or a negative errno:
 * -EINVAL: @queue or @iocb is NULL, or the queue's context is gone
 * -EBUSY: it is not in the backlog, and the kernel does not cancel it: it is in
 *	flight and completes by itself, or has completed, or was never pushed
 * -ECHILD: the queue belongs to the parent of this process
 * Context: does not block, but takes time in proportion to the backlog;
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
 * The completions stay to be collected. kaio_queue_wake() does not end it.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @queue is NULL; @timeout_ns is negative and not KAIO_FOREVER; or the
 *	queue's context is gone
 * -ETIMEDOUT: it timed out before
 * -EINTR: a signal came before, or other work the kernel had for this thread;
 *	call again
 * -ECHILD: the queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2), without which
 *	no thread can sleep
 * -ENOSYS: as -EPERM, where seccomp says so
 * Context: blocks; the queue's thread only, or any under KAIO_QUEUE_SHARED; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_queue_drain(struct kaio_queue *queue, int64_t timeout_ns);

/**
 * kaio_queue_inflight - count the operations that the kernel has
 * @queue: the queue, or NULL
 *
 * Return: how many it has accepted whose completion has not been collected.
 * Context: does not block; the queue's thread only, or any under
 * KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
unsigned kaio_queue_inflight(const struct kaio_queue *queue);

/**
 * kaio_queue_backlog - count the operations that wait to be submitted
 * @queue: the queue, or NULL
 *
 * Return: how many were pushed and are not yet in the kernel.
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
#ifdef __cplusplus /* the structure has the same name, which is no mistake */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
void kaio_queue_stats(const struct kaio_queue *queue,
		      struct kaio_queue_stats *stats);
#ifdef __cplusplus
#pragma GCC diagnostic pop
#endif

KAIO_END_DECLS

#endif
