/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The transfer's life, its posts, and what they came to. */
#include "transfer.h"

#include <kaio/prep.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void hub_unref(struct hub *hub)
{
	if (__atomic_sub_fetch(&hub->refs, 1, __ATOMIC_ACQ_REL))
		return;
	pthread_cond_destroy(&hub->news);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

static struct kaio_transfer *transfer_at(struct link *all)
{
	return (struct kaio_transfer *)((char *)all -
					offsetof(struct kaio_transfer, all));
}

/*
 * The queue has ended, and the kernel has let go: what it has not reported is
 * cancelled. No other thread is in here.
 */
__attribute__((cold)) static void end(struct queue_guest *guest)
{
	struct hub *hub = (struct hub *)guest;
	struct link *link;
	struct link *next;

	hub->queue = NULL;
	for (link = hub->all.next; link != &hub->all; link = next) {
		struct kaio_transfer *transfer = transfer_at(link);
		struct op *op = transfer->ops;

		transfer_ref(transfer);
		kaio_transfer_sate(transfer);
		transfer->next = transfer->nr;
		transfer->parked = NONE;
		for (; transfer_is_active(transfer); op++)
			if (op->post != transfer->post)
				kaio_transfer_fail(op, -ECANCELED);
		next = link->next;
		transfer_unref(transfer);
	}
	hub_unref(hub);
}

static void refill(struct queue_guest *guest)
{
	struct hub *hub = (struct hub *)guest;

	hub_lock(hub);
	kaio_transfer_feed(hub);
	hub_unlock(hub);
}

/* The lock is recursive: an operation may finish while the hub is fed. */
static void init_lock(struct hub *hub)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;

	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_settype(&mutex, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&hub->lock, &mutex);
	pthread_mutexattr_destroy(&mutex);
	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&hub->news, &cond);
	pthread_condattr_destroy(&cond);
}

/* With the queue's lock. */
static struct hub *hub_of(struct kaio_queue *queue)
{
	struct hub *hub = (struct hub *)queue->guest;

	if (hub)
		return hub;
	hub = calloc(1, sizeof(*hub));
	if (!hub)
		return NULL;
	hub->guest.refill = refill;
	hub->guest.complete = kaio_transfer_complete;
	hub->guest.end = end;
	hub->queue = queue;
	hub->shared = queue->flags & KAIO_QUEUE_SHARED;
	hub->refs = 1;
	list_init(&hub->all);
	list_init(&hub->hungry);
	init_lock(hub);
	queue->guest = &hub->guest;
	return hub;
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
		op->op.complete = kaio_transfer_complete;
		op->index = i;
	}
	list_init(&transfer->hungry);
	transfer->nr = transfer->next = nr_ops;
	transfer->parked = NONE;
	transfer->failed = NEVER_POSTED;
	transfer->refs = 1;
	return transfer;
}

static int create(struct kaio_transfer **transfer, struct kaio_queue *queue,
		  unsigned nr_ops, unsigned flags)
{
	struct kaio_transfer *new = allocate(nr_ops);
	struct hub *hub;

	if (!new)
		return -ENOMEM;
	queue_lock(queue);
	hub = hub_of(queue);
	queue_unlock(queue);
	if (!hub) {
		free(new);
		return -ENOMEM;
	}
	__atomic_add_fetch(&hub->refs, 1, __ATOMIC_RELAXED);
	new->hub = hub;
	new->flags = flags;
	hub_lock(hub);
	list_insert(&hub->all, &new->all);
	hub_unlock(hub);
	*transfer = new;
	return 0;
}

__attribute__((cold)) int kaio_transfer_create(struct kaio_transfer **transfer,
					       struct kaio_queue *queue,
					       unsigned nr_ops, unsigned flags)
{
	int saved = errno;
	int ret = queue_check(queue);

	if (ret < 0)
		return ret;
	if (!transfer || nr_ops < 1 || nr_ops > INT_MAX ||
	    flags & ~(unsigned)KAIO_TRANSFER_EOF_OK)
		return -EINVAL;
	ret = create(transfer, queue, nr_ops, flags);
	errno = saved;
	return ret;
}

void kaio_transfer_free(struct kaio_transfer *transfer)
{
	struct hub *hub = transfer->hub;

	hub_lock(hub);
	list_remove(&transfer->all);
	hub_unlock(hub);
	free(transfer);
	hub_unref(hub);
}

/* What is in the backlog is withdrawn, and what may never end cancelled. */
static void drop_queued(struct kaio_transfer *transfer)
{
	struct kaio_queue *queue = transfer->hub->queue;
	struct op *op = transfer->ops;
	struct op *const last = op + transfer->nr;

	kaio_queue_withdraw(queue, op, last);
	for (; op < last; op++)
		if (__atomic_load_n(&op->op.iocb.lio_opcode,
				    __ATOMIC_RELAXED) == KAIO_OP_POLL &&
		    __atomic_load_n(&op->post, __ATOMIC_RELAXED) !=
			    transfer->post)
			kaio_queue_cancel(queue, &op->op.iocb);
}

int kaio_transfer_release(struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);
	unsigned dropped;
	struct hub *hub;

	if (!transfer)
		return 0;
	if (ret < 0)
		return ret;
	hub = transfer->hub;
	hub_lock(hub);
	__atomic_store_n(&transfer->released, true, __ATOMIC_RELAXED);
	kaio_transfer_sate(transfer);
	dropped = transfer->nr - transfer->next;
	transfer->next = transfer->nr;
	for (; transfer->parked != NONE; dropped++)
		transfer->parked = transfer->ops[transfer->parked].parked;
	hub_unlock(hub);
	if (dropped)
		kaio_transfer_count_down(transfer, dropped);
	if (transfer_is_active(transfer))
		drop_queued(transfer);
	transfer_unref(transfer);
	return 0;
}

struct kaio_iocb *kaio_transfer_iocb(struct kaio_transfer *transfer,
				     unsigned index)
{
	if (!transfer || index >= transfer->nr)
		return NULL;
	return &transfer->ops[index].op.iocb;
}

static inline void activate(struct kaio_transfer *transfer)
{
	transfer->post++;
	transfer->failed = NONE;
	transfer->bytes = 0;
	transfer->remaining = transfer->nr;
}

/* Once a row is in, other threads may end the post, and begin another. */
static void post_with_care(struct kaio_transfer *transfer)
{
	struct hub *hub = transfer->hub;
	struct kaio_queue *queue = hub->queue;
	unsigned nr = transfer->nr;
	unsigned pushed = 0;

	activate(transfer);
	if (hub->shared)
		transfer_ref(transfer);
	if (!guest_is_hungry(&hub->guest))
		pushed = kaio_queue_submit_row(queue, transfer->ops,
					       sizeof(struct op), nr);
	if (pushed == nr)
		return;
	hub_lock(hub);
	transfer->next = pushed;
	kaio_transfer_starve(transfer);
	kaio_transfer_feed(hub);
	hub_unlock(hub);
	kaio_queue_submit(queue);
}

__attribute__((noinline)) static int post_slowly(struct kaio_transfer *transfer)
{
	int ret = transfer_check(transfer);

	if (ret < 0)
		return ret;
	if (!transfer->hub->queue)
		return -ECANCELED;
	if (transfer_is_active(transfer))
		return -EBUSY;
	post_with_care(transfer);
	return 0;
}

int kaio_transfer_post(struct kaio_transfer *transfer)
{
	struct kaio_queue *queue = transfer ? transfer->hub->queue : NULL;

	if (!queue || guest_is_hungry(&transfer->hub->guest) ||
	    transfer_is_active(transfer) ||
	    !queue_push_row_plainly(queue, transfer->ops, sizeof(struct op),
				    transfer->nr))
		return post_slowly(transfer);
	activate(transfer);
	queue_hand_over_here(queue);
	return 0;
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
	/* Pairs with the store in finish(). */
	if (__atomic_load_n(&op->post, __ATOMIC_ACQUIRE) != transfer->post)
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
