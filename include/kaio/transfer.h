/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The transfer layer: many operations as one request, prepared once and posted
 * many times.
 *
 * What a transfer guarantees, beyond what its queue does:
 *
 * 1. A count short of what was asked is never success. A read or write that
 *    moved less is continued from where it stopped, through its iovecs too,
 *    until all is moved, an error, or end of file; and end of file is -ENODATA,
 *    unless the transfer was created with KAIO_TRANSFER_EOF_OK. An operation
 *    that the kernel ends with -EINTR has moved nothing and is done again.
 * 2. Posting again does the I/O again, all of it, from the iocbs as they were
 *    prepared.
 * 3. A transfer may have any number of operations, whatever the depth and the
 *    backlog of its queue: what does not fit is pushed as room appears, in the
 *    order of posts.
 * 4. The result of one transfer is never reported on another.
 * 5. After kaio_transfer_create() no memory is allocated.
 *
 * Many transfers share one queue, beside other operations of the caller's. All
 * that is pushed to this queue must then be the iocb of a struct kaio_op.
 * Completions are collected by this layer and by kaio_queue_run(); by other
 * functions only if op->complete(op, res) is called for each.
 *
 * While kaio_transfer_active() is not 0, the transfer uses its iocbs, iovecs,
 * buffers and file descriptors: they must stay valid and unchanged, and the
 * descriptors open. A continuation uses a descriptor again after the kernel had
 * the operation: if it was closed, and its number used anew, the transfer would
 * go on in another file.
 *
 * A transfer is used by one thread at a time. Transfers on a queue that was
 * created with KAIO_QUEUE_SHARED may be used by different threads at once; on
 * any other queue all are used by the queue's thread.
 *
 * In a child of fork(2) the functions return -ECHILD.
 */
#ifndef KAIO_TRANSFER_H
#define KAIO_TRANSFER_H

#include <kaio/queue.h>

KAIO_BEGIN_DECLS

struct kaio_transfer;

enum kaio_transfer_flags {
	KAIO_TRANSFER_EOF_OK = 1 << 0 /* reads may meet the end of file */
};

/* How to create a transfer; all zeros are the defaults. */
struct kaio_transfer_params {
	uint32_t flags;	    /* KAIO_TRANSFER_* */
	uint32_t reserved0; /* must be 0 */
	/*
	 * Called once per post, when the post is over, by the thread that runs
	 * the queue and collects the last completion: in kaio_queue_run(),
	 * kaio_transfer_test(), _wait() or op->complete(). status is what
	 * kaio_transfer_test() would return, data is as below. It may post the
	 * transfer again, or release it. It is not called for a transfer that
	 * was released, nor when the queue is destroyed. Where other threads
	 * run the queue, it may still be about to be called when
	 * kaio_transfer_active() is 0: who has one releases the transfer in it,
	 * or after it.
	 */
	void (*done)(struct kaio_transfer *transfer, int status, void *data);
	void *data;
	uint64_t reserved[4]; /* must be 0 */
};

/**
 * kaio_transfer_create - create a transfer
 * @transfer: receives the transfer, for kaio_transfer_release() to end
 * @queue: the queue that will do it; it may be destroyed before the transfer is
 *	released
 * @nr_ops: how many operations, 1 to INT_MAX
 * @params: how; read before it returns; NULL for the defaults
 *
 * Its operations are still to be prepared: one that is not fails with -EBADF.
 * It takes 128 bytes of memory for each, and about 200 more.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @transfer or @queue is NULL; @nr_ops is out of range; or @params has
 *	an unknown flag or a reserved member that is not 0
 * -ENOMEM: no memory
 * -ECHILD: the queue belongs to the parent of this process
 * Context: may block for memory; the queue's thread only, or any under
 * KAIO_QUEUE_SHARED; not async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_create(struct kaio_transfer **transfer,
			 struct kaio_queue *queue, unsigned nr_ops,
			 const struct kaio_transfer_params *params);

/**
 * kaio_transfer_iocb - find one operation of a transfer, to prepare it
 * @transfer: the transfer, which is not active
 * @index: which, from 0
 *
 * What a kaio_prep_*() function sets stays, for all posts, until it is prepared
 * anew. Reads, writes, fsyncs and polls may be mixed; they are not ordered.
 *
 * Return: the iocb, the transfer's own, whose data and whose eventfd may be
 * set, too; NULL if @transfer is NULL or has no operation @index.
 * Context: does not block; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
struct kaio_iocb *kaio_transfer_iocb(struct kaio_transfer *transfer,
				     unsigned index);

/**
 * kaio_transfer_post - begin a transfer, or begin it again
 * @transfer: the transfer
 *
 * As many operations as there is room for are submitted, in the order of their
 * indices. The others follow as kaio_transfer_test(), _wait() or
 * kaio_queue_run() collect completions, of whatever operations. Operations that
 * fail at once complete as all others do, where the queue is run.
 *
 * Return: 0, or a negative errno, and nothing was begun:
 * -EINVAL: @transfer is NULL, or its queue's context is gone
 * -EBUSY: the transfer is active
 * -ECANCELED: its queue has been destroyed
 * -ECHILD: its queue belongs to the parent of this process
 * Context: may block as kaio_submit() says; one thread at a time; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_post(struct kaio_transfer *transfer);

/**
 * kaio_transfer_test - run the queue, and report the status of a transfer
 * @transfer: the transfer
 *
 * If it is active, completions that are ready are collected, for all transfers
 * and operations of the queue, and operations that wait are submitted.
 *
 * Some errors can be an operation's or the call's; while it is the call's,
 * kaio_transfer_active() is 1.
 *
 * Return: 0 when all operations succeeded, the same until the next post; or a
 * negative errno:
 * -EINPROGRESS: the transfer is active
 * -ENODATA: a read met the end of file before it had all its bytes;
 *	kaio_transfer_result() has the number
 * -ENOSPC: a write moved nothing, and the kernel gave no reason
 * -ECANCELED: an operation was cancelled, by kaio_transfer_cancel() or
 *	kaio_queue_cancel(); the queue was destroyed; or a callback released the
 *	transfer
 * -EINVAL: @transfer is NULL, or was never posted; or the queue's context is
 *	gone
 * -ECHILD: its queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2)
 * -ENOSYS: as -EPERM, where seccomp says so
 * Or any other error of an operation. When several failed, it is that of the
 * lowest index; kaio_transfer_result() has them all.
 * Context: does not wait, but may block as kaio_submit() says; one thread at a
 * time; not async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_test(struct kaio_transfer *transfer);

/**
 * kaio_transfer_wait - wait until a transfer is no longer active
 * @transfer: the transfer
 * @timeout_ns: for how long to wait, in nanoseconds from the call; 0 not at
 *	all, KAIO_FOREVER without end
 *
 * Meanwhile it runs the queue as kaio_transfer_test() does. If the transfer is
 * posted again by its done callback, it returns all the same, with the status
 * of the last post that is over.
 *
 * Return: as kaio_transfer_test(); among the negative errnos:
 * -EINPROGRESS: the transfer is still active: it timed out, or
 *	kaio_queue_wake() came
 * -EINTR: the transfer is still active, and a signal came, or other work the
 *	kernel had for this thread; call again. It is never an operation's. A
 *	thread that waits for another one is not interrupted
 * -ENODATA: a read met the end of file before it had all its bytes
 * -ENOSPC: a write moved nothing, and the kernel gave no reason
 * -ECANCELED: an operation was cancelled, by kaio_transfer_cancel() or
 *	kaio_queue_cancel(); the queue was destroyed; or a callback released the
 *	transfer
 * -EINVAL: @transfer is NULL, or was never posted; @timeout_ns is negative and
 *	not KAIO_FOREVER; or the queue's context is gone
 * -ECHILD: its queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2) and io_pgetevents(2)
 * -ENOSYS: as -EPERM, where seccomp says so
 * Context: blocks; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_wait(struct kaio_transfer *transfer, int64_t timeout_ns);

/**
 * kaio_transfer_active - whether a transfer is active
 * @transfer: the transfer
 *
 * From kaio_transfer_post() until the kernel has let go of the last operation
 * and its completion was collected. Then its buffers, iovecs and descriptors
 * are the caller's again.
 *
 * Return: 1 or 0, or a negative errno:
 * -EINVAL: @transfer is NULL
 * -ECHILD: its queue belongs to the parent of this process
 * Context: does not block; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_active(const struct kaio_transfer *transfer);

/**
 * kaio_transfer_cancel - end a post as soon as possible
 * @transfer: the transfer; nothing happens if it is not active
 *
 * Operations that the kernel does not have complete with -ECANCELED, and so do
 * polls. Those in flight go on, for the kernel cancels no other, but are not
 * continued if they are short: such a one has -ECANCELED for its result. The
 * transfer stays active until all have completed, which kaio_transfer_test(),
 * _wait() and the done callback report as usual; then it may be posted again.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @transfer is NULL, or its queue's context is gone
 * -ECHILD: its queue belongs to the parent of this process
 * Context: does not block; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_cancel(struct kaio_transfer *transfer);

/**
 * kaio_transfer_result - the result of one operation
 * @transfer: the transfer
 * @index: which operation, from 0
 *
 * Of the last post, and as soon as this operation has completed.
 *
 * Return: the bytes it moved in all, for a read or write, which are fewer than
 * was asked only at end of file; else the res of its completion; or a negative
 * errno, of which these are the transfer's:
 * -EINPROGRESS: it has not completed
 * -ENOSPC: a write moved nothing, and the kernel gave no reason
 * -ECANCELED: it was cancelled, or the queue was destroyed before
 * -EINVAL: @transfer is NULL, or was never posted, or has no operation @index
 * -ECHILD: its queue belongs to the parent of this process
 * Context: does not block; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int64_t kaio_transfer_result(const struct kaio_transfer *transfer,
			     unsigned index);

/**
 * kaio_transfer_bytes - how many bytes a transfer has moved
 * @transfer: the transfer
 *
 * By all operations of the last post that have completed, also those that
 * failed after some bytes. What one failed operation had moved is not told:
 * bytes before an error are of use only to somebody who knows the order in
 * which they were moved, which is the device's.
 *
 * Return: the bytes, or a negative errno:
 * -EINVAL: @transfer is NULL
 * -ECHILD: its queue belongs to the parent of this process
 * Context: does not block; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int64_t kaio_transfer_bytes(const struct kaio_transfer *transfer);

/**
 * kaio_transfer_release - end a transfer, active or not
 * @transfer: the transfer, or NULL, which does nothing
 *
 * If it is active, it is cancelled as by kaio_transfer_cancel(), and nobody is
 * told of its end. Operations in flight go on in their buffers, which must stay
 * valid until kaio_queue_drain() has returned 0 or the queue has been
 * destroyed; to reuse them earlier, cancel, wait until the transfer is not
 * active, and release it then. The transfer's memory is freed when its last
 * completion has been collected, or with the queue. A callback may release any
 * transfer.
 *
 * Return: 0, or a negative errno, and the transfer is as it was:
 * -ECHILD: its queue belongs to the parent of this process
 * Context: does not block; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_release(struct kaio_transfer *transfer);

KAIO_END_DECLS

#endif
