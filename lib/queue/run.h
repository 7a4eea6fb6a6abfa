/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#ifndef QUEUE_RUN_H
#define QUEUE_RUN_H

#include "queue/wait.h"

/*
 * One round of kaio_queue_run(), with the lock, which is given up for the
 * callbacks: waits, and calls back for what was there before the first of them,
 * so that one which pushes its operation again does not keep the caller here.
 * How many that were, or a negative errno.
 */
int kaioq_run_once(struct kaio_queue *queue, struct queue_wait *wait);

#endif
