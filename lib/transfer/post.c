/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Posting a transfer, and waiting for it. */
#include "queue/push.h"
#include "queue/wait.h"
#include "transfer/transfer.h"

static inline void activate(struct kaio_transfer *transfer)
{
	/* Others may look, if it is done that posts. */
	WRITE_ONCE(transfer->post, transfer->post + 1);
	WRITE_ONCE(transfer->failed, NONE);
	WRITE_ONCE(transfer->bytes, 0);
	transfer->remaining = transfer->nr;
	WRITE_ONCE(transfer->cancelled, false);
}

__attribute__((noinline)) static int post_slow(struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);

	if (ret < 0)
		return ret;
	if (!transfer->queue)
		return -ECANCELED;
	if (transfer_is_active(transfer))
		return -EBUSY;
	ret = queue_enter(transfer->queue);
	if (ret < 0)
		return ret;
	activate(transfer);
	if (transfer->shared)
		transfer_ref(transfer);
	transfer->next = 0;
	kaiot_push(transfer);
	queue_submit(transfer->queue);
	queue_leave(transfer->queue);
	return 0;
}

int kaio_transfer_post(struct kaio_transfer *transfer)
{
	struct kaio_queue *queue = transfer ? transfer->queue : NULL;

	if (!queue || !queue->fast || queue_has_waiting(queue) ||
	    transfer_is_active(transfer) ||
	    !queue_push_all(queue, transfer->ops, sizeof(struct op),
			    transfer->nr))
		return post_slow(transfer);
	activate(transfer);
	queue_submit(queue);
	return 0;
}

/* One round of running the queue. */
static int run(struct kaio_transfer *transfer, struct queue_wait *wait)
{
	struct kaio_queue *queue = transfer->queue;
	int ret = queue_enter_wait(queue);

	if (ret < 0)
		return ret;
	queue_begin(queue);
	ret = kaioq_run_once(queue, wait);
	queue_leave(queue);
	return ret;
}

/*
 * More than one at a time only where nothing else is to be done with each:
 * while transfers wait for slots, each frees one, and other operations have
 * callbacks, which this transfer may depend upon.
 */
static unsigned needed(const struct kaio_transfer *transfer)
{
	const struct kaio_queue *queue = transfer->queue;

	if (transfer->shared || queue_has_waiting(queue) ||
	    transfer->remaining != queue_outstanding(queue))
		return 1;
	return transfer->remaining;
}

int kaio_transfer_wait(struct kaio_transfer *transfer, int64_t timeout_ns)
{
	struct queue_wait wait = { .calls_back = true };
	int ret = transfer_check(transfer);

	if (ret < 0)
		return ret;
	if (timeout_ns < KAIO_FOREVER ||
	    READ_ONCE(transfer->failed) == NEVER_POSTED)
		return -EINVAL;
	wait.deadline = deadline_after(timeout_ns);
	wait.post = &transfer->over;
	wait.last = __atomic_load_n(wait.post, __ATOMIC_ACQUIRE);
	if (!transfer_is_active(transfer))
		return READ_ONCE(transfer->status);
	transfer_ref(transfer);
	/* Another thread may be about to finish it. */
	wait.when_idle = transfer->shared;
	do {
		wait.min = timeout_ns ? needed(transfer) : 0;
		ret = run(transfer, &wait);
	} while (ret >= 0 && !wait.interrupted &&
		 !READ_ONCE(transfer->released) &&
		 !queue_transfer_is_over(&wait) &&
		 (ret > 0 || wait.when_idle) && time_left(wait.deadline));
	/* Without a timeout, of the last post, which done may have made. */
	if (timeout_ns ? queue_transfer_is_over(&wait)
		       : !transfer_is_active(transfer))
		ret = READ_ONCE(transfer->status);
	else if (ret >= 0)
		/* Other operations may have completed before that. */
		ret = wait.interrupted ? wait.interrupted : -EINPROGRESS;
	if (READ_ONCE(transfer->released))
		ret = -ECANCELED;
	kaiot_unref(transfer);
	return ret;
}

int kaio_transfer_test(struct kaio_transfer *transfer)
{
	return kaio_transfer_wait(transfer, 0);
}

int kaio_transfer_active(const struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);

	return ret < 0 ? ret : transfer_is_active(transfer);
}

int64_t kaio_transfer_result(const struct kaio_transfer *transfer,
			     unsigned index)
{
	int ret = transfer_check(transfer);
	const struct op *op;

	if (ret < 0)
		return ret;
	if (index >= transfer->nr ||
	    READ_ONCE(transfer->failed) == NEVER_POSTED)
		return -EINVAL;
	op = transfer->ops + index;
	/* Acquire: pairs with the store in finish_shared(). */
	if (__atomic_load_n(&op->post, __ATOMIC_ACQUIRE) !=
	    READ_ONCE(transfer->post))
		return -EINPROGRESS;
	return op->result;
}

int64_t kaio_transfer_bytes(const struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);

	if (ret < 0)
		return ret;
	return READ_ONCE(transfer->bytes);
}
