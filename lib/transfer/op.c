/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * One operation of a transfer: it completes, is continued if it was short, and
 * finishes; with the last one the post is over.
 *
 * A vectored one is continued without a copy of its iovecs: the rest of the
 * iovec in which it stopped as a plain read or write, and then the iovecs after
 * it from where they are.
 */
#define _FILE_OFFSET_BITS 64

#include "queue/push.h"
#include "queue/wakeup.h"
#include "transfer/transfer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static struct kaio_transfer *transfer_of(struct op *op)
{
	char *ops = (char *)(op - op->index);

	return (struct kaio_transfer *)(ops -
					offsetof(struct kaio_transfer, ops));
}

/* Of every device, the least that O_DIRECT may be aligned to. */
#define SECTOR 512

static bool moves_data(unsigned opcode)
{
	return opcode <= KAIO_OP_PWRITE || opcode == KAIO_OP_PREADV ||
	       opcode == KAIO_OP_PWRITEV;
}

static bool is_vectored(unsigned opcode)
{
	return opcode >= KAIO_OP_PREADV;
}

static bool is_read(unsigned opcode)
{
	return opcode == KAIO_OP_PREAD || opcode == KAIO_OP_PREADV;
}

/* As it was prepared. */
static unsigned op_opcode(const struct op *op)
{
	return op->continued ? op->opcode : op->op.iocb.lio_opcode;
}

static uint64_t op_size(const struct op *op)
{
	uint64_t nbytes = op->continued ? op->nbytes : op->op.iocb.nbytes;
	uint64_t buf = op->continued ? op->buf : op->op.iocb.buf;
	const struct iovec *iov = (const struct iovec *)(uintptr_t)buf;
	uint64_t size = 0;

	if (!is_vectored(op_opcode(op)))
		return nbytes;
	while (nbytes--)
		size += iov++->iov_len;
	return size;
}

static void note_failure(struct kaio_transfer *transfer, uint32_t index)
{
	uint32_t lowest = READ_ONCE(transfer->failed);

	while (index < lowest &&
	       !__atomic_compare_exchange_n(&transfer->failed, &lowest, index,
					    true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

static void restore(struct op *op)
{
	struct kaio_iocb *iocb = &op->op.iocb;

	/* Whoever cancels the transfer looks for polls meanwhile. */
	WRITE_ONCE(iocb->lio_opcode, op->opcode);
	iocb->buf = op->buf;
	iocb->nbytes = op->nbytes;
	iocb->offset = op->offset;
	op->continued = false;
}

static int post_status(const struct kaio_transfer *transfer)
{
	uint32_t failed = READ_ONCE(transfer->failed);
	int64_t result;

	if (failed == NONE)
		return 0;
	result = transfer->ops[failed].result;
	return result < 0 ? (int)result : -ENODATA;
}

/*
 * The status is known before the post is over: from then on the owner may post
 * again. One that was released has no owner to be told.
 */
void kaiot_end_post(struct kaio_transfer *transfer)
{
	struct kaio_queue *queue = transfer->queue;
	const bool shared = transfer->shared; /* done may release it */
	int status = post_status(transfer);

	if (queue)
		queue_lock(queue);
	WRITE_ONCE(transfer->status, status);
	/* Release: pairs with the load in transfer_is_active(). */
	__atomic_store_n(&transfer->over, transfer->post, __ATOMIC_RELEASE);
	if (shared && queue)
		kaioq_notify_all(queue);
	if (queue)
		queue_unlock(queue);
	if (transfer->done && !READ_ONCE(transfer->released)) {
		transfer->done(transfer, status, transfer->data);
		if (!shared)
			return;
	}
	if (shared)
		kaiot_unref(transfer);
	else if (!transfer->refs)
		kaiot_free(transfer);
}

__attribute__((noinline)) static void
finish_shared(struct op *op, struct kaio_transfer *transfer, int64_t moved)
{
	/* Release: pairs with the load in kaio_transfer_result(). */
	__atomic_store_n(&op->post, transfer->post, __ATOMIC_RELEASE);
	if (moved)
		__atomic_add_fetch(&transfer->bytes, moved, __ATOMIC_RELAXED);
	/* Each sees what the others have finished. */
	if (__atomic_sub_fetch(&transfer->remaining, 1, __ATOMIC_ACQ_REL) == 0)
		kaiot_end_post(transfer);
}

static inline void finish(struct op *op, int64_t result, int64_t moved,
			  bool failed)
{
	struct kaio_transfer *transfer = transfer_of(op);

	if (op->continued)
		restore(op);
	op->result = result;
	if (failed)
		note_failure(transfer, op->index);
	if (transfer->shared) {
		finish_shared(op, transfer, moved);
		return;
	}
	op->post = transfer->post;
	transfer->bytes += moved;
	if (--transfer->remaining == 0)
		kaiot_end_post(transfer);
}

void kaiot_fail(struct op *op, int error)
{
	finish(op, error, op->continued ? op->moved : 0, true);
}

/* Makes the iocb what is to be done after so many bytes. */
static void advance(struct op *op, int64_t moved)
{
	struct kaio_iocb *iocb = &op->op.iocb;
	const struct iovec *iov;
	uint64_t skip = (uint64_t)moved;

	if (!op->continued) {
		op->opcode = iocb->lio_opcode;
		op->buf = iocb->buf;
		op->nbytes = iocb->nbytes;
		op->offset = iocb->offset;
		op->continued = true;
	}
	op->moved = moved;
	iocb->offset = op->offset + moved;
	if (!is_vectored(op->opcode)) {
		iocb->buf = op->buf + skip;
		iocb->nbytes = op->nbytes - skip;
		return;
	}
	iov = (const struct iovec *)(uintptr_t)op->buf;
	for (; skip >= iov->iov_len; iov++)
		skip -= iov->iov_len;
	if (skip) {
		WRITE_ONCE(iocb->lio_opcode, is_read(op->opcode)
						     ? KAIO_OP_PREAD
						     : KAIO_OP_PWRITE);
		iocb->buf = (uintptr_t)iov->iov_base + skip;
		iocb->nbytes = iov->iov_len - skip;
	} else {
		WRITE_ONCE(iocb->lio_opcode, op->opcode);
		iocb->buf = (uintptr_t)iov;
		iocb->nbytes =
			op->nbytes - (iocb->buf - op->buf) / sizeof(*iov);
	}
}

/*
 * Again, or what is left of it. Other operations may have taken the slot that
 * it left.
 */
static void push_again(struct op *op)
{
	struct kaio_transfer *transfer = transfer_of(op);
	struct kaio_queue *queue = transfer->queue;

	queue_lock(queue);
	op->next_short = transfer->short_ops;
	transfer->short_ops = op->index;
	kaiot_push(transfer);
	queue_leave(queue);
}

/*
 * Whether -EINVAL means that a read has met the end of the file: with O_DIRECT
 * it stops off the alignment there, and nowhere else. Most file systems report
 * 0 bytes instead.
 */
static bool is_eof(const struct op *op)
{
	int fd = (int)op->op.iocb.fildes;
	int saved = errno;
	struct stat status;
	bool eof = false;
	int flags;

	if (!op->continued || !is_read(op->opcode))
		return false;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && flags & O_DIRECT)
		eof = op->op.iocb.offset % SECTOR ||
		      (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
		       op->op.iocb.offset >= status.st_size);
	errno = saved;
	return eof;
}

/* What moves data, in a transfer that nobody has cancelled. */
static void complete_data(struct op *op, int64_t res)
{
	struct kaio_transfer *transfer = transfer_of(op);
	int64_t moved = op->continued ? op->moved : 0;

	if (res < 0) {
		finish(op, res, moved, true);
		return;
	}
	moved += res;
	if ((uint64_t)moved >= op_size(op)) {
		finish(op, moved, moved, false);
	} else if (res > 0) {
		advance(op, moved);
		push_again(op);
	} else if (is_read(op_opcode(op))) {
		finish(op, moved, moved,
		       !(transfer->flags & KAIO_TRANSFER_EOF_OK));
	} else {
		finish(op, -ENOSPC, moved, true);
	}
}

/*
 * A cancelled one is not continued: if it was short, that is its error. A
 * cancelled poll completes with 0. Whoever released it may have taken its
 * iovecs back.
 */
static void complete_cancelled(struct op *op, int64_t res)
{
	bool released = READ_ONCE(transfer_of(op)->released);
	bool data = moves_data(op_opcode(op));
	int64_t moved = op->continued ? op->moved : 0;

	if (data && res > 0)
		moved += res;
	if (res == -EINTR ||
	    (res >= 0 && !released && data && (uint64_t)moved < op_size(op)) ||
	    (res == 0 && op_opcode(op) == KAIO_OP_POLL))
		res = -ECANCELED;
	finish(op, res < 0 || !data ? res : moved, data ? moved : 0, res < 0);
}

/* All but the good and whole ones. */
__attribute__((cold, noinline)) static void complete_slow(struct op *op,
							  int64_t res)
{
	if (res == -EINVAL && is_eof(op))
		res = 0;
	if (READ_ONCE(transfer_of(op)->cancelled))
		complete_cancelled(op, res);
	else if (res == -EINTR) /* it has moved nothing */
		push_again(op);
	else if (moves_data(op_opcode(op)))
		complete_data(op, res);
	else
		finish(op, res, 0, res < 0);
}

/* Those that are good and whole, first of all. */
void kaiot_complete(struct kaio_op *kaio_op, int64_t res)
{
	struct op *op = (struct op *)kaio_op;

	if (op->op.iocb.lio_opcode <= KAIO_OP_PWRITE &&
	    op->op.iocb.nbytes == (uint64_t)res && !op->continued)
		finish(op, res, res, false);
	else
		complete_slow(op, res);
}
