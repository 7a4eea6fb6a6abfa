/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Transfers that wait for slots. All of it with the queue's lock. */
#include "queue/push.h"
#include "transfer/transfer.h"

/*
 * Those of a cancelled transfer complete instead, by way of the queue, so that
 * a program hears of it where it runs the queue and nowhere else.
 */
static unsigned push(struct kaio_transfer *transfer, struct op *ops,
		     unsigned nr)
{
	struct kaio_queue *queue = transfer->queue;

	return transfer_is_cancelled(transfer)
		       ? kaioq_push_cancelled(queue, ops, sizeof(*ops), nr)
		       : kaioq_push_array(queue, ops, sizeof(*ops), nr);
}

/* False if there was no room for all. */
static bool push_all(struct kaio_transfer *transfer)
{
	while (transfer->short_ops != NONE) {
		struct op *op = transfer->ops + transfer->short_ops;

		if (!push(transfer, op, 1))
			return false;
		transfer->short_ops = op->next_short;
	}
	if (transfer->next < transfer->nr)
		transfer->next += push(transfer, transfer->ops + transfer->next,
				       transfer->nr - transfer->next);
	return transfer->next == transfer->nr;
}

static void set_nr_waiting(struct queue_client *client, unsigned nr)
{
	__atomic_store_n(&client->nr_waiting, nr, __ATOMIC_RELAXED);
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
		set_nr_waiting(client, client->nr_waiting - 1);
	}
}

void kaiot_push(struct kaio_transfer *transfer)
{
	struct queue_client *client = &transfer->queue->client;

	if (list_is_empty(&transfer->waiting)) {
		list_insert(&client->waiting, &transfer->waiting);
		set_nr_waiting(client, client->nr_waiting + 1);
	}
	kaiot_push_waiting(transfer->queue);
}
