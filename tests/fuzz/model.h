/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What must come out: of each operation where it is and with which result it
 * ends, by what the program called and what the kernel did.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "kernel.h"

#include <setjmp.h>

#define OPS 24
#define TRANSFERS 6
#define TRANSFER_OPS 7
#define OUTSTANDING_MAX 32

/* How often the queue tries an operation for which the kernel has no memory. */
#define RETRY_MAX 32

/* The data of an operation: 0 is the wakeup's. */
#define DATA_OP 1
#define DATA_TRANSFER 256
#define DATA_PER_TRANSFER 16

#define UNTOUCHED 4711

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum state {
	IDLE,
	QUEUED,	   /* pushed, or to be pushed */
	IN_KERNEL, /* taken, and no result yet */
	RESULTED   /* to be collected */
};

/* What operations of the program and of transfers have in common. */
struct unit {
	enum state state;
	int64_t res;
	unsigned refusals; /* for want of memory, in a row */
};

struct plain {
	struct kaio_op op;
	struct unit unit;
	uint64_t number; /* of the push */
	unsigned action; /* of its callback */
};

struct part {
	struct kaio_iocb *iocb;
	struct unit unit;
	struct kaio_iocb prepared;
	struct iovec iov[3];
	uint64_t size;
	uint64_t moved;
	bool finished;
	bool at_eof;
};

struct request {
	struct kaio_transfer *transfer; /* NULL: none, or released */
	struct part parts[TRANSFER_OPS];
	unsigned nr;
	bool eof_ok, has_done;
	unsigned action; /* of done */
	bool posted, active, cancelled;
	bool in_call;	/* in test or wait: not for another thread */
	unsigned first; /* parts that the kernel had or refused in this post */
	unsigned posts, overs, dones;
	int status, status_of_wait;
	bool over_in_wait;
};

struct model {
	struct kaio_queue *queue;
	uint32_t flags;
	unsigned depth, capacity;
	struct plain ops[OPS];
	struct request requests[TRANSFERS];
	unsigned nr_requests;
	uint64_t pushed, taken; /* number of the last one */
	uint64_t signals;	/* that the program's eventfd must have got */
	int eventfd;		/* the program's */
	bool gone;
	bool ends;	   /* callbacks do nothing any more */
	bool woken;	   /* no wait has ended since then */
	unsigned may_wake; /* wakes, each of which may have ended a call */
	bool takes_wakes;  /* the call that is going on */
	bool other_thread;
	unsigned callbacks; /* that are going on */
	unsigned others;    /* calls of other threads and of callbacks */
	unsigned repeats;
	jmp_buf *escape;
};

extern struct model model;

/* A call of the library, which does not touch errno. */
#define CALL(call) (errno = UNTOUCHED, model_returned(#call, (int64_t)(call)))

int64_t model_returned(const char *call, int64_t ret);

void model_begin(void);
/* After a call: the counters, the ring, the eventfd, the transfers. */
void model_check(void);
uint64_t model_outstanding(void);

/* The kernel has taken it. */
void unit_taken(struct unit *unit);

/* plain.c */
void plain_taken(const struct kaio_iocb *iocb);
void plain_collected(const struct kaio_event *event);
void plain_cancelled(struct plain *op, int ret);
void plain_push(unsigned kind);
struct plain *plain_of(const struct kaio_iocb *iocb);

/* requests.c and transfers.c */
struct request *request_of(uint64_t data);
struct part *request_part_of(uint64_t data);
void request_taken(const struct kaio_iocb *iocb);
void request_result(uint64_t data, int64_t res);
void request_check(struct request *request);
void request_verify(struct request *request, int status);
void request_create(unsigned how);
void request_call(unsigned what, unsigned which, bool may_wait);
void request_release(struct request *request);
void request_done(struct kaio_transfer *transfer, int status, void *data);

/* calls in queue.c */
void queue_call(void);
int64_t queue_timeout(unsigned how);

#endif
