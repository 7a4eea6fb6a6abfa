/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* A queue under faults: what each call may return, and how it goes on. */
#ifndef DRIVE_H
#define DRIVE_H

#include <kaio.h>

#include <stdbool.h>

/* With a few tries. NULL: it is refused each time, for the fault lasts. */
struct kaio_queue *drive_create(uint32_t flags, unsigned depth,
				unsigned backlog);

/*
 * Whether what collects may return this: a count; the error of io_getevents,
 * unless the other of the two calls took its place; or the context is gone.
 */
bool drive_may_return(int ret);

void drive_submit(struct kaio_queue *queue);

/* A timeout, for what a fault that lasts may keep from completing. */
#define A_WHILE 20000000

/* By kaio_queue_wait(), into the ledger. After an error faults do not last. */
int drive_wait(struct kaio_queue *queue, unsigned min, unsigned max,
	       int64_t timeout_ns);

/* By kaio_queue_run(): the ledger is told by callbacks. */
int drive_run(struct kaio_queue *queue, unsigned min, int64_t timeout_ns);

/* Until the queue is empty. */
void drive_drain(struct kaio_queue *queue);

/* Faults do not last from now on: all that was accepted completes. */
void drive_finish(struct kaio_queue *queue);

/* Ends the queue, which works until then, or says that it is gone. */
void drive_end(struct kaio_queue *queue);

#endif
