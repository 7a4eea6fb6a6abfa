/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Creating and releasing a transfer, and its operations. */
#include "transfer/transfer.h"

#include "queue/push.h"

#include <kaio/prep.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void kaiot_free(struct kaio_transfer *transfer)
{
	struct kaio_queue *queue = transfer->queue;

	if (queue)
		queue_lock(queue);
	list_remove(&transfer->transfers);
	if (queue)
		queue_unlock(queue);
	free(transfer);
}

void kaiot_unref(struct kaio_transfer *transfer)
{
	bool used;

	if (transfer->shared)
		used = __atomic_sub_fetch(&transfer->refs, 1, __ATOMIC_ACQ_REL);
	else
		used = --transfer->refs || transfer_is_active(transfer);
	if (!used)
		kaiot_free(transfer);
}

/*
 * The kernel has let go of all operations, and no other thread is in here. A
 * call that was left by longjmp has not given back its reference.
 */
__attribute__((cold)) static void end(struct kaio_queue *queue)
{
	struct link *transfers = &queue->client.transfers;
	struct link *link;
	struct link *next;

	for (link = transfers->next; link != transfers; link = next) {
		struct kaio_transfer *transfer =
			LIST_ENTRY(link, struct kaio_transfer, transfers);
		bool active = transfer_is_active(transfer);
		struct op *op;

		next = link->next;
		list_remove(link);
		transfer->queue = NULL;
		transfer->done = NULL;
		/* One for the walk over its operations. */
		transfer->refs =
			1 + !transfer->released + (active && transfer->shared);
		for (op = transfer->ops; transfer_is_active(transfer); op++)
			if (op->post != transfer->post)
				kaiot_fail(op, -ECANCELED);
		kaiot_unref(transfer);
	}
}

/* With the queue's lock. */
static void add_to_queue(struct kaio_transfer *transfer,
			 struct kaio_queue *queue)
{
	struct queue_client *client = &queue->client;

	if (!client->end) {
		list_init(&client->transfers);
		list_init(&client->waiting);
		client->push_waiting = kaiot_push_waiting;
		client->end = end;
	}
	transfer->queue = queue;
	transfer->shared = queue->flags & KAIO_QUEUE_SHARED;
	list_insert(&client->transfers, &transfer->transfers);
}

__attribute__((cold)) static struct kaio_transfer *allocate(unsigned nr_ops)
{
	const size_t fixed = sizeof(struct kaio_transfer);
	struct kaio_transfer *transfer;
	size_t size;
	uint32_t i;

	if (nr_ops > (SIZE_MAX / 2 - fixed) / sizeof(struct op))
		return NULL;
	size = fixed + nr_ops * sizeof(struct op);
	transfer = aligned_alloc(_Alignof(struct kaio_transfer), size);
	if (!transfer)
		return NULL;
	memset(transfer, 0, size);
	for (i = 0; i < nr_ops; i++) {
		struct op *op = transfer->ops + i;

		kaio_prep_iocb(&op->op.iocb, KAIO_OP_PREAD, -1, 0, 0, 0);
		op->op.complete = kaiot_complete;
		op->index = i;
	}
	list_init(&transfer->waiting);
	transfer->nr = transfer->next = nr_ops;
	transfer->short_ops = NONE;
	transfer->failed = NEVER_POSTED;
	transfer->refs = 1;
	return transfer;
}

static bool are_valid(const struct kaio_transfer_params *params)
{
	const struct kaio_transfer_params zeros = { 0 };

	return memcmp(params->reserved, zeros.reserved,
		      sizeof(zeros.reserved)) == 0 &&
	       !params->reserved0 &&
	       !(params->flags & ~(uint32_t)KAIO_TRANSFER_EOF_OK);
}

__attribute__((cold)) int
kaio_transfer_create(struct kaio_transfer **transfer, struct kaio_queue *queue,
		     unsigned nr_ops, const struct kaio_transfer_params *params)
{
	const struct kaio_transfer_params defaults = { 0 };
	struct kaio_transfer *new;
	int saved = errno;
	int ret = queue_check(queue);

	if (ret < 0)
		return ret;
	if (!params)
		params = &defaults;
	if (!transfer || nr_ops < 1 || nr_ops > INT_MAX || !are_valid(params))
		return -EINVAL;
	new = allocate(nr_ops);
	errno = saved;
	if (!new)
		return -ENOMEM;
	new->flags = params->flags;
	new->done = params->done;
	new->data = params->data;
	queue_lock(queue);
	add_to_queue(new, queue);
	queue_unlock(queue);
	*transfer = new;
	return 0;
}

/*
 * Polls in flight may never complete. They are cancelled in the order in which
 * they were submitted, in which the kernel finds each at once: io_cancel(2)
 * walks a list.
 */
static void cancel_polls(struct kaio_transfer *transfer)
{
	struct kaio_queue *queue = transfer->queue;
	struct op *op = transfer->ops;
	struct op *const end = op + transfer->next;
	struct kaio_event unused;

	for (; op < end; op++) {
		if (READ_ONCE(op->op.iocb.lio_opcode) != KAIO_OP_POLL ||
		    READ_ONCE(op->post) == transfer->post)
			continue;
		queue->stats.cancel_calls++;
		kaio_cancel(queue->ctx, &op->op.iocb, &unused);
	}
}

/* With the queue's lock. */
static void cancel(struct kaio_transfer *transfer)
{
	struct kaio_queue *queue = transfer->queue;

	if (!transfer_is_active(transfer))
		return;
	WRITE_ONCE(transfer->cancelled, true);
	kaioq_cancel_range(queue, transfer->ops, transfer->ops + transfer->nr);
	cancel_polls(transfer);
	if (!list_is_empty(&transfer->waiting))
		kaiot_push(transfer);
}

int kaio_transfer_cancel(struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);

	if (ret < 0 || !transfer->queue)
		return ret;
	ret = queue_enter(transfer->queue);
	if (ret < 0)
		return ret;
	cancel(transfer);
	queue_leave(transfer->queue);
	return 0;
}

int kaio_transfer_release(struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);
	struct kaio_queue *queue;

	if (!transfer)
		return 0;
	if (ret < 0)
		return ret;
	queue = transfer->queue;
	if (queue) {
		queue_lock(queue);
		WRITE_ONCE(transfer->released, true);
		if (!queue->gone)
			cancel(transfer);
		queue_leave(queue);
	}
	kaiot_unref(transfer);
	return 0;
}

struct kaio_iocb *kaio_transfer_iocb(struct kaio_transfer *transfer,
				     unsigned index)
{
	if (!transfer || index >= transfer->nr)
		return NULL;
	return &transfer->ops[index].op.iocb;
}
