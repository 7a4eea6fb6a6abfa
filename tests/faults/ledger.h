/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The operations of a workload on a queue, each pushed once: what must come of
 * each, and what has come. Threads may use it.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <kaio.h>

#include <stdbool.h>

#define RECORDS 64

enum kind {
	GOOD, /* completes at once, with 1 */
	BAD,  /* the kernel refuses it with -EBADF */
	POLL, /* completes when it is fired or cancelled */
};

struct record {
	struct kaio_op op;
	enum kind kind;
	bool accepted;
	bool cancelled;
	bool fired;
	unsigned seen;
	int fd;
};

/* Opens what operations need, once. */
void ledger_open(void);

/* Prepares and pushes the next one. */
struct record *ledger_push(struct kaio_queue *queue, enum kind kind);

/* Makes a poll complete. */
void ledger_fire(struct record *record);

/* Cancels it; one that cannot be cancelled is fired. */
void ledger_cancel(struct kaio_queue *queue, struct record *record);

/* Completions, which must be right, and the first of their operations. */
void ledger_collect(const struct kaio_event *events, int nr);

/* How many of those that were accepted have not completed. */
unsigned ledger_missing(void);

/* What the completions of records of run() call. */
extern void (*ledger_completed)(struct record *record);

#endif
