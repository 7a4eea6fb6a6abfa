/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * An operation of an active transfer is in exactly one of four places:
 *
 *   waiting   not pushed, for want of room in the queue: index >= next;
 *   parked    short, and its rest not pushed, for want of room: in the list
 *             that begins with transfer->parked;
 *   queued    pushed; the queue will call kaio_transfer_complete();
 *   finished  its post is the transfer's.
 *
 * remaining counts those that are not finished; the transfer is active until it
 * is 0. Who takes it there may not touch the transfer afterwards, but to give
 * up the reference that an active post has where threads share the queue: its
 * owner may be posting it again, or releasing it, already.
 *
 * While some are waiting or parked, the transfer is in its hub's list of the
 * hungry, which is fed in order whenever callbacks have left room. So that a
 * post of one that fits touches no operation at all, what a continuation
 * changes in an iocb is put back when the operation finishes, and an operation
 * knows by its post whether it has.
 *
 * Under KAIO_QUEUE_SHARED operations of one transfer complete on any threads at
 * once, and members marked so are atomic. The others are the owner's, the
 * hub's lock's, or reach the next thread through the queue's lock. That one may
 * be taken under the hub's, and never the other way round.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "queue/queue.h"

#include <kaio/transfer.h>

#define NONE UINT32_MAX
#define NEVER_POSTED (NONE - 1) /* more than there can be operations */

struct link {
	struct link *next, *prev;
};

/* The transfers of one queue. */
struct hub {
	struct queue_guest guest;
	struct kaio_queue *queue; /* NULL after its end */
	bool shared;
	unsigned refs; /* atomic: the queue's, and one for each transfer */
	pthread_mutex_t lock; /* if shared: over all that follows */
	struct link all;
	struct link hungry; /* guest.hungry counts these */

	/* Threads in kaio_transfer_wait(): one is in the queue for all. */
	bool led;
	pthread_t leader;
	unsigned followers;
	pthread_cond_t news; /* a transfer is over, or the leader leaves */
};

/* Two cache lines: the iocb is one of them. */
struct op {
	_Alignas(64) struct kaio_op op;
	uint32_t index;
	uint32_t parked; /* the next one, or NONE */
	uint32_t post;	 /* atomic: the last one that it finished */
	uint16_t
		opcode; /* this and the next three: as prepared, if continued */
	bool continued;
	uint64_t buf;
	uint64_t nbytes;
	int64_t offset;
	int64_t moved;	/* if continued */
	int64_t result; /* valid if post is the transfer's */
};

struct kaio_transfer {
	struct hub *hub;
	struct link all;
	struct link hungry; /* to itself, if it is not */
	unsigned nr;
	unsigned flags;
	bool released; /* atomic */
	unsigned refs; /* atomic: the owner's, one for each call that runs the
			* queue, and if shared, one for an active post */
	uint32_t post; /* which it is */
	unsigned next; /* nr if not active */
	uint32_t parked;
	unsigned remaining; /* atomic */
	uint32_t failed; /* atomic: the lowest index, or NONE or NEVER_POSTED */
	int64_t bytes;	 /* atomic */
	struct op ops[];
};

static inline void list_init(struct link *link)
{
	link->next = link->prev = link;
}

static inline bool list_is_empty(const struct link *link)
{
	return link->next == link;
}

/* Before a list's head: at its end. */
static inline void list_insert(struct link *head, struct link *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

static inline void list_remove(struct link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

static inline void hub_lock(struct hub *hub)
{
	if (hub->shared)
		pthread_mutex_lock(&hub->lock);
}

static inline void hub_unlock(struct hub *hub)
{
	if (hub->shared)
		pthread_mutex_unlock(&hub->lock);
}

/* Pairs with the countdown of what finished the last operation. */
static inline bool transfer_is_active(const struct kaio_transfer *transfer)
{
	return __atomic_load_n(&transfer->remaining, __ATOMIC_ACQUIRE);
}

static inline bool transfer_was_posted(const struct kaio_transfer *transfer)
{
	return __atomic_load_n(&transfer->failed, __ATOMIC_RELAXED) !=
	       NEVER_POSTED;
}

static inline bool transfer_is_released(const struct kaio_transfer *transfer)
{
	return __atomic_load_n(&transfer->released, __ATOMIC_RELAXED);
}

/* What each public function begins with. */
static inline int transfer_check(const struct kaio_transfer *transfer)
{
	if (!transfer)
		return -EINVAL;
	return transfer->hub->queue ? queue_check(transfer->hub->queue) : 0;
}

static inline void transfer_ref(struct kaio_transfer *transfer)
{
	if (transfer->hub->shared)
		__atomic_add_fetch(&transfer->refs, 1, __ATOMIC_RELAXED);
	else
		transfer->refs++;
}

/* Without a reference, and not active. */
void kaio_transfer_free(struct kaio_transfer *transfer);

static inline void transfer_unref(struct kaio_transfer *transfer)
{
	bool used;

	if (transfer->hub->shared)
		used = __atomic_sub_fetch(&transfer->refs, 1, __ATOMIC_ACQ_REL);
	else
		used = --transfer->refs || transfer->remaining;
	if (!used)
		kaio_transfer_free(transfer);
}

/* The complete of every operation. */
void kaio_transfer_complete(struct kaio_op *op, int64_t res);

/*
 * So many operations will be told of no more; where threads share the queue,
 * the transfer may be gone then.
 */
void kaio_transfer_count_down(struct kaio_transfer *transfer, unsigned nr);

/* Ends an operation without the queue. */
void kaio_transfer_fail(struct op *op, int error);

/* With the hub's lock: is fed no more; or as soon as there is room. */
void kaio_transfer_sate(struct kaio_transfer *transfer);
void kaio_transfer_starve(struct kaio_transfer *transfer);

/*
 * With the hub's lock: pushes what is waiting or parked as far as there is
 * room; false if some is left.
 */
bool kaio_transfer_push(struct kaio_transfer *transfer);

/* With the hub's lock: the same for all that are hungry. */
void kaio_transfer_feed(struct hub *hub);

#endif
