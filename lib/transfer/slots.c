/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Transfers that wait for slots. All of it with the queue's lock. */
#include "queue/push.h"
#include "transfer/transfer.h"

/* The next one, or NULL. */
static struct op *take_waiting(struct kaio_transfer *transfer)
{
	struct op *op = NULL;

	if (transfer->short_ops != NONE) {
		op = transfer->ops + transfer->short_ops;
		transfer->short_ops = op->next_short;
	} else if (transfer->next < transfer->nr) {
		op = transfer->ops + transfer->next++;
	}
	return op;
}

/*
 * The last one of them completes by way of the queue, so that a program hears
 * of the end of the transfer where it runs the queue and nowhere else.
 */
static bool cancel_all(struct kaio_transfer *transfer)
{
	struct op *op = take_waiting(transfer);
	struct op *next;

	while ((next = take_waiting(transfer))) {
		kaiot_fail(op, -ECANCELED);
		op = next;
	}
	if (!op || kaioq_push_cancelled(transfer->queue, &op->op.iocb))
		return true;
	op->next_short = NONE;
	transfer->short_ops = op->index;
	return false;
}

/* False if there was no room for all. */
static bool push_all(struct kaio_transfer *transfer)
{
	struct kaio_queue *queue = transfer->queue;

	if (READ_ONCE(transfer->cancelled))
		return cancel_all(transfer);
	while (transfer->short_ops != NONE) {
		struct op *op = transfer->ops + transfer->short_ops;

		if (!kaioq_push_array(queue, op, sizeof(*op), 1))
			return false;
		transfer->short_ops = op->next_short;
	}
	if (transfer->next < transfer->nr)
		transfer->next += kaioq_push_array(
			queue, transfer->ops + transfer->next,
			sizeof(struct op), transfer->nr - transfer->next);
	return transfer->next == transfer->nr;
}

void kaiot_push_waiting(struct kaio_queue *queue)
{
	struct queue_client *client = &queue->client;

	while (!list_is_empty(&client->waiting)) {
		struct kaio_transfer *transfer = LIST_ENTRY(
			client->waiting.next, struct kaio_transfer, waiting);

		if (!push_all(transfer))
			break;
		list_remove(&transfer->waiting);
		WRITE_ONCE(client->nr_waiting, client->nr_waiting - 1);
	}
}

void kaiot_push(struct kaio_transfer *transfer)
{
	struct queue_client *client = &transfer->queue->client;

	if (list_is_empty(&transfer->waiting))
		WRITE_ONCE(client->nr_waiting, client->nr_waiting + 1);
	else if (READ_ONCE(transfer->cancelled))
		list_remove(&transfer->waiting);
	/* One that was cancelled needs no slots: it does not wait its turn. */
	if (list_is_empty(&transfer->waiting))
		list_insert(READ_ONCE(transfer->cancelled)
				    ? client->waiting.next
				    : &client->waiting,
			    &transfer->waiting);
	kaiot_push_waiting(transfer->queue);
}
