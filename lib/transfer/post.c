/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Posting a transfer, and waiting for it. */
#include "queue/push.h"
#include "queue/run.h"
#include "transfer/transfer.h"

static inline void activate(struct kaio_transfer *transfer)
{
	/* Others may look, if it is done that posts. */
	__atomic_store_n(&transfer->post, transfer->post + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&transfer->failed, NONE, __ATOMIC_RELAXED);
	__atomic_store_n(&transfer->bytes, 0, __ATOMIC_RELAXED);
	transfer->remaining = transfer->nr;
	__atomic_store_n(&transfer->cancelled, false, __ATOMIC_RELAXED);
}

/* With the queue's lock. */
static void post(struct kaio_transfer *transfer)
{
	struct kaio_queue *queue = transfer->queue;

	activate(transfer);
	if (transfer->shared)
		transfer_ref(transfer);
	transfer->next = 0;
	kaiot_push(transfer);
	queue_submit(queue);
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
	post(transfer);
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

/* What a call that ran the queue returns. */
static int leave(struct kaio_transfer *transfer, int ret)
{
	if (transfer_is_released(transfer))
		ret = -ECANCELED;
	kaiot_unref(transfer);
	return ret;
}

static int check_posted(const struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);

	if (ret < 0)
		return ret;
	return transfer_was_posted(transfer) ? 0 : -EINVAL;
}

/* Whether running the queue would do nothing. */
static bool is_quiet(const struct kaio_queue *queue)
{
	return queue->fast && queue->head == queue->tail &&
	       !queue_done(queue) && !queue_has_waiting(queue) &&
	       queue_can_read_ring(queue) && !kaio_ring_ready(&queue->ring);
}

/* One round of running the queue. */
static int run(struct kaio_transfer *transfer, struct queue_wait *wait)
{
	struct kaio_queue *queue = transfer->queue;
	int ret = queue_enter_wait(queue);

	if (ret < 0)
		return ret;
	queue_begin(queue);
	if (queue_has_waiting(queue))
		kaiot_push_waiting(queue);
	ret = kaioq_run_once(queue, wait);
	queue_leave(queue);
	return ret;
}

int kaio_transfer_test(struct kaio_transfer *transfer)
{
	struct queue_wait wait = { .calls_back = true, .deadline = NO_WAIT };
	int ret = check_posted(transfer);

	if (ret < 0)
		return ret;
	if (!transfer_is_active(transfer))
		return transfer_status(transfer);
	if (is_quiet(transfer->queue))
		return -EINPROGRESS;
	transfer_ref(transfer);
	ret = run(transfer, &wait);
	/* These are permanent; other errors may be gone with the next call. */
	if (ret != -EPERM && ret != -ENOSYS && ret != -EINVAL)
		ret = -EINPROGRESS;
	if (!transfer_is_active(transfer))
		ret = transfer_status(transfer);
	return leave(transfer, ret);
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
	    transfer->remaining != queue->capacity - queue_room(queue))
		return 1;
	return transfer->remaining;
}

/* False if it is over meanwhile. outer: what another wait is for. */
static bool begin_wait(struct kaio_transfer *transfer, struct queue_wait *wait,
		       struct awaited *outer)
{
	bool active;

	queue_lock(transfer->queue);
	active = transfer_is_active(transfer);
	if (active) {
		*outer = transfer->awaited;
		transfer->awaited.post = transfer->post;
		wait->post = &transfer->over;
		wait->last = transfer->post - 1;
		transfer_ref(transfer);
	}
	queue_unlock(transfer->queue);
	return active;
}

/* The status of its post, or ret if that is not over. */
static int end_wait(struct kaio_transfer *transfer,
		    const struct queue_wait *wait, const struct awaited *outer,
		    int ret)
{
	const uint32_t post = wait->last + 1;

	queue_lock(transfer->queue);
	if (queue_transfer_is_over(wait))
		ret = transfer->awaited.post == post ? transfer->awaited.status
						     : transfer->status;
	/* Within another one, of a callback: for the same post, or for one that
	 * done has made. */
	if (outer->post != post)
		transfer->awaited = *outer;
	queue_unlock(transfer->queue);
	return ret;
}

int kaio_transfer_wait(struct kaio_transfer *transfer, int64_t timeout_ns)
{
	struct queue_wait wait = { .calls_back = true };
	struct awaited outer;
	int ret = check_posted(transfer);

	if (ret < 0)
		return ret;
	if (timeout_ns < KAIO_FOREVER)
		return -EINVAL;
	wait.deadline = deadline_after(timeout_ns);
	if (timeout_ns == 0 || !transfer->queue ||
	    !begin_wait(transfer, &wait, &outer))
		return kaio_transfer_test(transfer);
	/* Another thread may be about to finish it. */
	wait.when_idle = transfer->shared;
	do {
		wait.min = needed(transfer);
		ret = run(transfer, &wait);
	} while (ret >= 0 && !wait.interrupted &&
		 !transfer_is_released(transfer) &&
		 !queue_transfer_is_over(&wait) &&
		 (ret > 0 || wait.when_idle) && time_left(wait.deadline));
	/* Other operations may have completed before that. */
	if (ret >= 0)
		ret = wait.interrupted ? wait.interrupted : -EINPROGRESS;
	return leave(transfer, end_wait(transfer, &wait, &outer, ret));
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
	if (index >= transfer->nr || !transfer_was_posted(transfer))
		return -EINVAL;
	op = transfer->ops + index;
	/* Acquire: pairs with the store in finish_shared(). */
	if (__atomic_load_n(&op->post, __ATOMIC_ACQUIRE) !=
	    __atomic_load_n(&transfer->post, __ATOMIC_RELAXED))
		return -EINPROGRESS;
	return op->result;
}

int64_t kaio_transfer_bytes(const struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);

	if (ret < 0)
		return ret;
	return __atomic_load_n(&transfer->bytes, __ATOMIC_RELAXED);
}
