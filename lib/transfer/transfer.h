/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * An operation of an active transfer is in exactly one of four places:
 *
 *   waiting   not pushed, as there was no slot in the queue: index >= next;
 *   short     partly done, and the rest waits for a slot: in the list that
 *             begins with transfer->short_ops;
 *   queued    pushed; the queue will call kaiot_complete();
 *   finished  its post is the transfer's.
 *
 * remaining counts those that are not finished. The transfer is active until
 * all are, when its post is copied to over. Whoever does that may not touch the
 * transfer afterwards unless it has a reference: its owner may be posting it
 * again, or releasing it, already.
 *
 * While some are waiting or short, the transfer is in the queue's list of those
 * that wait for slots; operations are pushed from there in order as slots are
 * freed. So that a post of a transfer that fits touches no operation at all,
 * what a continuation changes in an iocb is put back when the operation
 * finishes, and an operation knows by its post whether it has.
 *
 * Under KAIO_QUEUE_SHARED operations of one transfer complete on any threads at
 * once, and members marked so are atomic. The others are the owner's, the
 * queue's lock's, or reach the next thread through that lock.
 */
#ifndef TRANSFER_TRANSFER_H
#define TRANSFER_TRANSFER_H

#include "queue/queue.h"

#include <kaio/transfer.h>

#define NONE UINT32_MAX
#define NEVER_POSTED (NONE - 1) /* more than there can be operations */

/* Two cache lines: the iocb is one of them. */
struct op {
	_Alignas(64) struct kaio_op op;
	uint32_t index;
	uint32_t next_short; /* or NONE */
	uint32_t post;	     /* atomic: the last one that it finished */
	uint16_t opcode;     /* this and the next three: as prepared, if it is
			      * continued */
	bool continued;
	uint64_t buf;
	uint64_t nbytes;
	int64_t offset;
	int64_t moved;	/* if continued */
	int64_t result; /* valid if post is the transfer's */
};

struct kaio_transfer {
	struct kaio_queue *queue; /* NULL after its end */
	struct link transfers;
	struct link waiting; /* to itself, if it does not wait for slots */
	void (*done)(struct kaio_transfer *transfer, int status, void *data);
	void *data;
	unsigned nr;
	unsigned flags;
	bool shared;
	bool cancelled; /* atomic */
	bool released;	/* atomic */
	unsigned refs;	/* atomic: the owner's, one for each call that runs the
			 * queue, and if shared, one for an active post */
	uint32_t post;	/* atomic: which it is */
	uint32_t over;	/* atomic: the last one that is over */
	int status;	/* atomic: of that one */
	unsigned next;	/* nr if not active */
	uint32_t short_ops;
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

#define LIST_ENTRY(link, type, member) \
	((type *)((char *)(link)-offsetof(type, member)))

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

static inline bool transfer_is_active(const struct kaio_transfer *transfer)
{
	/* Acquire: pairs with the store in kaiot_end_post(). */
	return __atomic_load_n(&transfer->over, __ATOMIC_ACQUIRE) !=
	       READ_ONCE(transfer->post);
}

/* What each public function begins with. */
static inline int transfer_check(const struct kaio_transfer *transfer)
{
	if (!transfer)
		return -EINVAL;
	return transfer->queue ? queue_check(transfer->queue) : 0;
}

/* The memory goes with the last reference, but not while it is active. */
static inline void transfer_ref(struct kaio_transfer *transfer)
{
	if (transfer->shared)
		__atomic_add_fetch(&transfer->refs, 1, __ATOMIC_RELAXED);
	else
		transfer->refs++;
}

void kaiot_unref(struct kaio_transfer *transfer);
void kaiot_free(struct kaio_transfer *transfer);

/* The complete of every operation. */
void kaiot_complete(struct kaio_op *op, int64_t res);

/* Finishes an operation that the queue does not have, and is not to have. */
void kaiot_fail(struct op *op, int error);

/* After the last operation of a post has finished. */
void kaiot_end_post(struct kaio_transfer *transfer);

/*
 * With the queue's lock: pushes what there is room for, first of those that
 * wait for slots already; the rest waits, too.
 */
void kaiot_push(struct kaio_transfer *transfer);

/* With the queue's lock: the same for those that wait for slots, in order. */
void kaiot_push_waiting(struct kaio_queue *queue);

#endif
