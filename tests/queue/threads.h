/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Threads that wait for one shared queue. Everything asserts. */
#ifndef THREADS_H
#define THREADS_H

#include <kaio.h>

#include <pthread.h>
#include <stdbool.h>

enum way {
	BY_WAIT,
	BY_RUN,
	BY_DRAIN,
	BY_TRANSFER_WAIT,
	NR_WAYS,
};

struct waiter {
	pthread_t thread;
	struct kaio_queue *queue;
	enum way way;
	struct kaio_transfer *transfer; /* of one poll that never completes */
	struct kaio_event event;
	int ret;
	bool cancelled; /* once joined: ret has no meaning */
};

struct kaio_queue *threads_queue(uint32_t flags, unsigned depth,
				 unsigned backlog, int64_t spin_ns);

/* A new thread, which waits for one completion, or for the end of all. */
void threads_start(struct waiter *waiter, struct kaio_queue *queue,
		   enum way way);
void threads_join(struct waiter *waiter);

/*
 * Until so many threads sleep, one of them in io_getevents, and nothing has
 * happened that would wake one.
 */
void threads_sleep(struct kaio_queue *queue, unsigned nr);

/* Until the reaper watches the ring. */
void threads_spin(struct kaio_queue *queue);

/* A poll that is in flight, and its end; 65 or so is its res. */
void threads_push_poll(struct kaio_queue *queue, struct kaio_op *op);
void threads_end_poll(const struct kaio_op *op);

#endif
