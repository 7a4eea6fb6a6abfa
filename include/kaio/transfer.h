/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The transfer layer: many operations as one request, prepared once and posted
 * many times.
 *
 * What a transfer promises, beyond what its queue does:
 *
 * 1. A count short of what was asked is never success. A read or write that
 *    moved less is continued from where it stopped, through its iovecs too,
 *    until all is moved, an error, or end of file; and end of file is -ENODATA,
 *    unless the transfer was created with KAIO_TRANSFER_EOF_OK.
 * 2. Posting again does the I/O again, all of it, from the iocbs as they were
 *    prepared.
 * 3. A transfer may have any number of operations, whatever the depth and the
 *    backlog of its queue: what does not fit is pushed as room appears, those
 *    transfers first that were posted first.
 * 4. What becomes of one transfer is never reported on another.
 * 5. After kaio_transfer_create() no memory is allocated.
 *
 * Many transfers share one queue, beside other operations of the caller's. All
 * that is pushed to this queue must then be the iocb of a struct kaio_op, and
 * completions be collected by this layer and by kaio_queue_run() only; by other
 * functions only if op->complete(op, res) is called for each.
 *
 * A transfer that is active, from kaio_transfer_post() until
 * kaio_transfer_test() or _wait() returns other than -EINPROGRESS, has the use
 * of its iocbs, iovecs and buffers: they must stay valid and unchanged.
 *
 * A transfer is for one thread at a time. Transfers on a queue that was created
 * with KAIO_QUEUE_SHARED may be used by different threads at once; on any other
 * queue all are its thread's.
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
	void (*done)(struct kaio_transfer *transfer, int status, void *data);
	void *data;
	uint64_t reserved[4]; /* must be 0 */
};

/**
 * kaio_transfer_create - create a transfer
 * @transfer: receives the transfer, for kaio_transfer_release() to end
 * @queue: the queue that will do it; it may end before the transfer does
 * @nr_ops: how many operations, 1 to INT_MAX
 * @flags: KAIO_TRANSFER_*, or'ed, or 0
 *
 * Its operations are still to be prepared: one that is not fails with -EBADF.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @transfer or @queue is NULL; @nr_ops is out of range; or @flags has
 *	an unknown flag
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
 * What a kaio_prep_*() function makes of it stays, for all posts, until it is
 * prepared anew. Reads, writes, fsyncs and polls may be mixed; they are not
 * ordered.
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
 * As many operations as there is room for are handed to the kernel, in the
 * order of their indices. The others follow as kaio_transfer_test(), _wait() or
 * kaio_queue_run() collect completions, of whatever operations.
 *
 * Return: 0, or a negative errno, and nothing was begun:
 * -EINVAL: @transfer is NULL
 * -EBUSY: the transfer is active
 * -ECANCELED: its queue has been destroyed
 * -ECHILD: its queue belongs to the parent of this process
 * Context: may block as kaio_submit() says; one thread at a time; not
 * async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_post(struct kaio_transfer *transfer);

/**
 * kaio_transfer_test - tell how a transfer stands, and drive its queue
 * @transfer: the transfer
 *
 * If it is active, completions that are ready are collected, for all transfers
 * and operations of the queue, and operations that wait are submitted. Where
 * another thread is in kaio_transfer_wait() on this queue, that one does it.
 *
 * Return: 0 when all operations succeeded, the same until the next post; or a
 * negative errno:
 * -EINPROGRESS: the transfer is active
 * -ENODATA: a read met the end of file before it had all its bytes;
 *	kaio_transfer_result() tells how many it had
 * -ENOSPC: a write could not go on, the kernel not saying why
 * -ECANCELED: its queue was destroyed while it was active; or it was released
 *	meanwhile, by a callback; or one of its operations was cancelled
 * -EINVAL: @transfer is NULL, or was never posted
 * -ECHILD: its queue belongs to the parent of this process
 * -ELOOP: callbacks have run the queue from within each other too often, and
 *	the transfer is active
 * -EPERM: seccomp forbids io_getevents(2), and the transfer may be active
 * -ENOSYS: likewise
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
 * Meanwhile it drives the queue as kaio_transfer_test() does.
 *
 * Return: as kaio_transfer_test(); among the negative errnos:
 * -EINPROGRESS: the transfer is still active: the time was up, or
 *	kaio_queue_wake() came
 * -EINTR: likewise, for a signal, or other work the kernel had for this thread;
 *	call again (a thread that waits beside another is not interrupted)
 * -ELOOP: likewise, as callbacks have run the queue from within each other too
 *	often
 * -ENODATA: a read met the end of file before it had all its bytes
 * -ENOSPC: a write could not go on, the kernel not saying why
 * -ECANCELED: its queue was destroyed, it was released, or one of its
 *	operations was cancelled
 * -EINVAL: @transfer is NULL, or was never posted; or @timeout_ns is negative
 *	and not KAIO_FOREVER
 * -ECHILD: its queue belongs to the parent of this process
 * -EPERM: seccomp forbids io_getevents(2), and the transfer may be active
 * -ENOSYS: likewise
 * Context: blocks; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_wait(struct kaio_transfer *transfer, int64_t timeout_ns);

/**
 * kaio_transfer_result - tell what became of one operation
 * @transfer: the transfer
 * @index: which operation, from 0
 *
 * Of the last post, and as soon as this operation has completed.
 *
 * Return: the bytes it moved in all, for a read or write, which are fewer than
 * it was to move only at end of file; else the res of its completion; or a
 * negative errno, of which these are the transfer's:
 * -EINPROGRESS: it has not completed
 * -ENOSPC: a write could not go on, the kernel not saying why
 * -ECANCELED: the queue was destroyed before, or it was cancelled
 * -EINVAL: @transfer is NULL, or was never posted, or has no operation @index
 * -ECHILD: its queue belongs to the parent of this process
 * Context: does not block; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int64_t kaio_transfer_result(const struct kaio_transfer *transfer,
			     unsigned index);

/**
 * kaio_transfer_bytes - tell how many bytes a transfer has moved
 * @transfer: the transfer
 *
 * By all operations of the last post that have completed, also those that
 * failed after some bytes.
 *
 * Return: the bytes, or a negative errno:
 * -EINVAL: @transfer is NULL
 * -ECHILD: its queue belongs to the parent of this process
 * Context: does not block; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int64_t kaio_transfer_bytes(const struct kaio_transfer *transfer);

int kaio_transfer_active(const struct kaio_transfer *transfer);
int kaio_transfer_cancel(struct kaio_transfer *transfer);

/**
 * kaio_transfer_release - end a transfer, active or not
 * @transfer: the transfer, or NULL, which does nothing
 *
 * Operations that the kernel does not have are dropped, polls cancelled. Others
 * in flight are left to it: they go on in their buffers, which must stay valid
 * until kaio_queue_drain() has returned 0 or the queue has been destroyed. (So
 * must their iovecs, while other threads collect.) The transfer's memory goes
 * when its last completion has been collected, by whatever drives the queue, or
 * with the queue. A callback may release any transfer.
 *
 * Return: 0, or a negative errno:
 * -ECHILD: its queue belongs to the parent of this process, and the transfer
 *	was left alone
 * Context: does not block; one thread at a time; not async-signal-safe.
 * Since: 0.1
 */
int kaio_transfer_release(struct kaio_transfer *transfer);

KAIO_END_DECLS

#endif
