/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The prep layer: filling in a struct kaio_iocb.
 *
 * A kaio_prep_*() function sets every member, so that an iocb can be used again
 * for any operation; the kaio_iocb_set_*() functions may follow, in any order.
 * None of them checks its arguments: the kernel does, at submission.
 *
 * One operation moves at most 0x7ffff000 bytes, however many it asks for.
 */
#ifndef KAIO_PREP_H
#define KAIO_PREP_H

#include <kaio/abi.h>

#include <stddef.h>
#include <sys/uio.h>

KAIO_BEGIN_DECLS

/**
 * kaio_prep_iocb - prepare an operation by its opcode
 * @iocb: the operation to fill in
 * @opcode: KAIO_OP_*, or one that is newer than this header
 * @fd: the file
 * @buf: address or value, as the opcode takes it
 * @nbytes: bytes or number, as the opcode takes it
 * @offset: in the file, in bytes
 *
 * The other kaio_prep_*() functions call it.
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_prep_iocb(struct kaio_iocb *iocb, unsigned opcode, int fd,
				uint64_t buf, uint64_t nbytes, int64_t offset)
{
	iocb->data = 0;
	iocb->key = 0;
	iocb->rw_flags = 0;
	iocb->lio_opcode = (uint16_t)opcode;
	iocb->reqprio = 0;
	iocb->fildes = (uint32_t)fd;
	iocb->buf = buf;
	iocb->nbytes = nbytes;
	iocb->offset = offset;
	iocb->reserved2 = 0;
	iocb->flags = 0;
	iocb->resfd = 0;
}

/**
 * kaio_prep_pread - prepare a read
 * @iocb: the operation to fill in
 * @fd: the file
 * @buf: receives the data; the kernel's from submission to completion
 * @count: bytes
 * @offset: in the file, in bytes, >= 0; ignored by pipes and sockets
 *
 * The completion's res is the number of bytes read: fewer than @count at the
 * end of the file, 0 beyond it.
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_prep_pread(struct kaio_iocb *iocb, int fd, void *buf,
				 size_t count, int64_t offset)
{
	kaio_prep_iocb(iocb, KAIO_OP_PREAD, fd, (uintptr_t)buf, count, offset);
}

/**
 * kaio_prep_pwrite - prepare a write
 * @iocb: the operation to fill in
 * @fd: the file
 * @buf: the data; not to be changed from submission to completion
 * @count: bytes
 * @offset: in the file, in bytes, >= 0; ignored by pipes and sockets, and with
 *	O_APPEND, where data goes to the end of the file
 *
 * The completion's res is the number of bytes written, which may be fewer than
 * @count: on a full device, or at a limit of the file's size.
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_prep_pwrite(struct kaio_iocb *iocb, int fd,
				  const void *buf, size_t count, int64_t offset)
{
	kaio_prep_iocb(iocb, KAIO_OP_PWRITE, fd, (uintptr_t)buf, count, offset);
}

/**
 * kaio_prep_preadv - prepare a read into several buffers
 * @iocb: the operation to fill in
 * @fd: the file
 * @iov: the buffers, filled in order; the kernel copies the array at submission
 * @iovcnt: how many, up to 1024
 * @offset: in the file, in bytes, >= 0; ignored by pipes and sockets
 *
 * The completion's res is the number of bytes read in all.
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_prep_preadv(struct kaio_iocb *iocb, int fd,
				  const struct iovec *iov, int iovcnt,
				  int64_t offset)
{
	kaio_prep_iocb(iocb, KAIO_OP_PREADV, fd, (uintptr_t)iov,
		       (uint64_t)iovcnt, offset);
}

/**
 * kaio_prep_pwritev - prepare a write from several buffers
 * @iocb: the operation to fill in
 * @fd: the file
 * @iov: the buffers, written in order; the kernel copies the array at
 *	submission
 * @iovcnt: how many, up to 1024
 * @offset: as for kaio_prep_pwrite()
 *
 * The completion's res is the number of bytes written in all.
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_prep_pwritev(struct kaio_iocb *iocb, int fd,
				   const struct iovec *iov, int iovcnt,
				   int64_t offset)
{
	kaio_prep_iocb(iocb, KAIO_OP_PWRITEV, fd, (uintptr_t)iov,
		       (uint64_t)iovcnt, offset);
}

/**
 * kaio_prep_fsync - prepare an fsync(2)
 * @iocb: the operation to fill in
 * @fd: the file
 *
 * It is not ordered after writes in flight: collect their completions first. An
 * error of writing data to the device is returned once: a second fsync may
 * succeed although the data is lost. Write the data again.
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_prep_fsync(struct kaio_iocb *iocb, int fd)
{
	kaio_prep_iocb(iocb, KAIO_OP_FSYNC, fd, 0, 0, 0);
}

/**
 * kaio_prep_fdsync - prepare an fdatasync(2)
 * @iocb: the operation to fill in
 * @fd: the file
 *
 * It is not ordered after writes in flight: collect their completions first. An
 * error of writing data to the device is returned once: a second fsync may
 * succeed although the data is lost. Write the data again.
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_prep_fdsync(struct kaio_iocb *iocb, int fd)
{
	kaio_prep_iocb(iocb, KAIO_OP_FDSYNC, fd, 0, 0, 0);
}

/**
 * kaio_prep_poll - prepare a wait for a file to become ready
 * @iocb: the operation to fill in
 * @fd: the file
 * @events: POLLIN, POLLOUT and the like, of <poll.h>
 *
 * It completes once. Its res has the events that occurred, 0 when it was
 * cancelled. Test for each with &: POLLERR, POLLHUP and bits that were not
 * asked for, such as POLLRDNORM with POLLIN, may be set, too.
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_prep_poll(struct kaio_iocb *iocb, int fd, unsigned events)
{
	kaio_prep_iocb(iocb, KAIO_OP_POLL, fd, events, 0, 0);
}

/**
 * kaio_iocb_set_data - set an operation's pointer for the caller
 * @iocb: a prepared operation
 * @data: returned by kaio_event_data()
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_iocb_set_data(struct kaio_iocb *iocb, void *data)
{
	iocb->data = (uintptr_t)data;
}

/**
 * kaio_iocb_set_data64 - set an operation's number for the caller
 * @iocb: a prepared operation
 * @data: returned as the data of its event
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_iocb_set_data64(struct kaio_iocb *iocb, uint64_t data)
{
	iocb->data = data;
}

/**
 * kaio_iocb_set_rw_flags - set the flags of a read or write
 * @iocb: a prepared read or write
 * @flags: KAIO_RWF_*, or'ed; they replace those set before
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_iocb_set_rw_flags(struct kaio_iocb *iocb, int flags)
{
	iocb->rw_flags = flags;
}

/**
 * kaio_iocb_set_ioprio - set the I/O priority of a read or write
 * @iocb: a prepared read or write
 * @ioprio: KAIO_IOPRIO(class, level)
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_iocb_set_ioprio(struct kaio_iocb *iocb, int ioprio)
{
	iocb->reqprio = (int16_t)ioprio;
	iocb->flags |= KAIO_IOCB_IOPRIO;
}

/**
 * kaio_iocb_clear_ioprio - use the priority of the process again
 * @iocb: a prepared operation
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_iocb_clear_ioprio(struct kaio_iocb *iocb)
{
	iocb->reqprio = 0;
	iocb->flags &= ~(uint32_t)KAIO_IOCB_IOPRIO;
}

/**
 * kaio_iocb_set_eventfd - have the completion signal an eventfd
 * @iocb: a prepared operation
 * @fd: an eventfd, to whose counter the completion adds 1; 0 is valid
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_iocb_set_eventfd(struct kaio_iocb *iocb, int fd)
{
	iocb->resfd = (uint32_t)fd;
	iocb->flags |= KAIO_IOCB_RESFD;
}

/**
 * kaio_iocb_clear_eventfd - have the completion signal no eventfd
 * @iocb: a prepared operation
 *
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void kaio_iocb_clear_eventfd(struct kaio_iocb *iocb)
{
	iocb->resfd = 0;
	iocb->flags &= ~(uint32_t)KAIO_IOCB_RESFD;
}

/**
 * kaio_event_data - return the pointer of the operation that completed
 * @event: its completion
 *
 * Return: what kaio_iocb_set_data() set.
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE void *kaio_event_data(const struct kaio_event *event)
{
	return (void *)(uintptr_t)event->data;
}

/**
 * kaio_event_iocb - return the operation that completed
 * @event: its completion
 *
 * Return: the address it was submitted or pushed from.
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE struct kaio_iocb *kaio_event_iocb(const struct kaio_event *event)
{
	return (struct kaio_iocb *)(uintptr_t)event->obj;
}

/**
 * kaio_event_res - the result of the operation that completed
 * @event: its completion
 *
 * For callers that are not C: it is the member res.
 *
 * Return: bytes moved, a poll's events, 0, or a negative errno; kaio_explain()
 * has words for it.
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE int64_t kaio_event_res(const struct kaio_event *event)
{
	return event->res;
}

/**
 * kaio_sizeof_iocb - size of an operation
 *
 * For callers that are not C, which allocate it by this, aligned to 8 bytes.
 *
 * Return: sizeof(struct kaio_iocb).
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE size_t kaio_sizeof_iocb(void)
{
	return sizeof(struct kaio_iocb);
}

/**
 * kaio_sizeof_event - size of a completion, and its distance in an array
 *
 * For callers that are not C, which allocate it by this, aligned to 8 bytes.
 *
 * Return: sizeof(struct kaio_event).
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE size_t kaio_sizeof_event(void)
{
	return sizeof(struct kaio_event);
}

KAIO_END_DECLS

#endif
