/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * One operation of a transfer: into the queue, continued when it was short, and
 * finished.
 *
 * A vectored one is continued without a copy of its iovecs: the rest of the
 * iovec in which it stopped as a plain read or write, and then the iovecs after
 * it from where they are.
 */
#include "transfer.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

static struct kaio_transfer *transfer_of(struct op *op)
{
	char *ops = (char *)(op - op->index);

	return (struct kaio_transfer *)(ops -
					offsetof(struct kaio_transfer, ops));
}

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

/* The transfer may be its owner's again, or gone: only hub is safe to use. */
static void tell_all(struct hub *hub)
{
	hub_lock(hub);
	if (hub->followers)
		pthread_cond_broadcast(&hub->news);
	hub_unlock(hub);
}

void kaio_transfer_count_down(struct kaio_transfer *transfer, unsigned nr)
{
	struct hub *hub = transfer->hub;

	/* Pairs with the load in transfer_is_active(). */
	if (__atomic_sub_fetch(&transfer->remaining, nr, __ATOMIC_ACQ_REL))
		return;
	if (!hub->shared)
		return;
	tell_all(hub);
	transfer_unref(transfer);
}

static void note_failure(struct kaio_transfer *transfer, uint32_t index)
{
	uint32_t lowest = __atomic_load_n(&transfer->failed, __ATOMIC_RELAXED);

	while (index < lowest &&
	       !__atomic_compare_exchange_n(&transfer->failed, &lowest, index,
					    true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

/* Who releases the transfer looks for polls meanwhile: this is none. */
static void set_opcode(struct op *op, unsigned opcode)
{
	__atomic_store_n(&op->op.iocb.lio_opcode, (uint16_t)opcode,
			 __ATOMIC_RELAXED);
}

static void restore(struct op *op)
{
	struct kaio_iocb *iocb = &op->op.iocb;

	set_opcode(op, op->opcode);
	iocb->buf = op->buf;
	iocb->nbytes = op->nbytes;
	iocb->offset = op->offset;
	op->continued = false;
}

__attribute__((noinline)) static void
finish_among_threads(struct op *op, struct kaio_transfer *transfer,
		     int64_t moved)
{
	/* Pairs with the load in kaio_transfer_result(). */
	__atomic_store_n(&op->post, transfer->post, __ATOMIC_RELEASE);
	if (moved)
		__atomic_add_fetch(&transfer->bytes, moved, __ATOMIC_RELAXED);
	kaio_transfer_count_down(transfer, 1);
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
	if (transfer->hub->shared) {
		finish_among_threads(op, transfer, moved);
		return;
	}
	op->post = transfer->post;
	transfer->bytes += moved;
	if (--transfer->remaining == 0 && !transfer->refs)
		kaio_transfer_free(transfer);
}

void kaio_transfer_fail(struct op *op, int error)
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
		set_opcode(op, is_read(op->opcode) ? KAIO_OP_PREAD
						   : KAIO_OP_PWRITE);
		iocb->buf = (uintptr_t)iov->iov_base + skip;
		iocb->nbytes = iov->iov_len - skip;
	} else {
		set_opcode(op, op->opcode);
		iocb->buf = (uintptr_t)iov;
		iocb->nbytes =
			op->nbytes - (iocb->buf - op->buf) / sizeof(*iov);
	}
}

static void push_rest(struct op *op)
{
	struct kaio_transfer *transfer = transfer_of(op);
	struct hub *hub = transfer->hub;
	int ret = kaio_queue_push(hub->queue, &op->op.iocb);

	if (ret == -ENOBUFS) {
		/* Another thread was faster to use the room that it left. */
		hub_lock(hub);
		if (!transfer_is_released(transfer)) {
			op->parked = transfer->parked;
			transfer->parked = op->index;
			kaio_transfer_starve(transfer);
			ret = 0;
		}
		hub_unlock(hub);
	}
	if (ret < 0)
		kaio_transfer_fail(op, ret);
}

/*
 * Whether a read that was refused has met the end of the file. It went well up
 * to here, so that it is the alignment which is wrong: by O_DIRECT a read stops
 * off it at the end only. Most files say so themselves, with 0 bytes.
 */
static bool end_refused(const struct op *op, int64_t res)
{
	int saved = errno;
	int flags;

	if (res != -EINVAL || !op->continued || !is_read(op->opcode))
		return false;
	flags = fcntl((int)op->op.iocb.fildes, F_GETFL);
	errno = saved;
	return flags >= 0 && flags & O_DIRECT;
}

/* All but the good and whole ones. */
__attribute__((cold, noinline)) static void complete_slowly(struct op *op,
							    int64_t res)
{
	struct kaio_transfer *transfer = transfer_of(op);
	int64_t moved = op->continued ? op->moved : 0;
	unsigned opcode = op_opcode(op);

	/* Who released it may have taken its iovecs back. */
	if (!moves_data(opcode) || transfer_is_released(transfer)) {
		finish(op, res, 0, res < 0);
		return;
	}
	if (end_refused(op, res))
		res = 0;
	if (res < 0) {
		finish(op, res, moved, true);
		return;
	}
	moved += res;
	if ((uint64_t)moved >= op_size(op)) {
		finish(op, moved, moved, false);
	} else if (res > 0) {
		advance(op, moved);
		push_rest(op);
	} else if (is_read(opcode)) {
		finish(op, moved, moved,
		       !(transfer->flags & KAIO_TRANSFER_EOF_OK));
	} else {
		finish(op, -ENOSPC, moved, true);
	}
}

/* Those that are good and whole, first of all. */
static inline void complete(struct op *op, int64_t res)
{
	if (op->op.iocb.lio_opcode <= KAIO_OP_PWRITE &&
	    op->op.iocb.nbytes == (uint64_t)res && !op->continued)
		finish(op, res, res, false);
	else
		complete_slowly(op, res);
}

/*
 * Who runs the queue feeds them after a batch of calls; but this may be one of
 * the program's own, which has collected by itself. Who has the lock is
 * feeding.
 */
__attribute__((noinline)) static void
complete_and_feed(struct hub *hub, struct op *op, int64_t res)
{
	complete(op, res);
	if (hub->shared ? pthread_mutex_trylock(&hub->lock) != 0
			: hub->queue->frames != NULL)
		return;
	kaio_transfer_feed(hub);
	hub_unlock(hub);
}

void kaio_transfer_complete(struct kaio_op *kaio_op, int64_t res)
{
	struct op *op = (struct op *)kaio_op;
	struct hub *hub = transfer_of(op)->hub;

	if (guest_is_hungry(&hub->guest))
		complete_and_feed(hub, op, res);
	else
		complete(op, res);
}

void kaio_transfer_starve(struct kaio_transfer *transfer)
{
	struct hub *hub = transfer->hub;

	if (!list_is_empty(&transfer->hungry))
		return;
	list_insert(&hub->hungry, &transfer->hungry);
	__atomic_store_n(&hub->guest.hungry, hub->guest.hungry + 1,
			 __ATOMIC_RELAXED);
}

void kaio_transfer_sate(struct kaio_transfer *transfer)
{
	struct hub *hub = transfer->hub;

	if (list_is_empty(&transfer->hungry))
		return;
	list_remove(&transfer->hungry);
	__atomic_store_n(&hub->guest.hungry, hub->guest.hungry - 1,
			 __ATOMIC_RELAXED);
}

static bool push_parked(struct kaio_transfer *transfer)
{
	while (transfer->parked != NONE) {
		struct op *op = transfer->ops + transfer->parked;
		int ret;

		transfer->parked = op->parked;
		ret = kaio_queue_push(transfer->hub->queue, &op->op.iocb);
		if (ret == -ENOBUFS) {
			transfer->parked = op->index;
			return false;
		}
		if (ret < 0)
			kaio_transfer_fail(op, ret);
	}
	return true;
}

static bool push_waiting(struct kaio_transfer *transfer)
{
	while (transfer->next < transfer->nr) {
		struct op *op = transfer->ops + transfer->next;
		unsigned nr = transfer->nr - transfer->next;
		int ret = kaio_queue_push_row(transfer->hub->queue, op,
					      sizeof(*op), &nr);

		transfer->next += nr;
		if (ret == -ENOBUFS)
			return false;
		if (ret < 0) {
			transfer->next++;
			kaio_transfer_fail(op + nr, ret);
		}
	}
	return true;
}

bool kaio_transfer_push(struct kaio_transfer *transfer)
{
	return push_parked(transfer) && push_waiting(transfer);
}

void kaio_transfer_feed(struct hub *hub)
{
	while (!list_is_empty(&hub->hungry)) {
		struct kaio_transfer *transfer =
			(struct kaio_transfer *)((char *)hub->hungry.next -
						 offsetof(struct kaio_transfer,
							  hungry));

		if (!kaio_transfer_push(transfer))
			break;
		kaio_transfer_sate(transfer);
	}
}
