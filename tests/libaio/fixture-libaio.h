/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Helpers for the tests of the libaio drop-in, which are linked with the shared
 * library. With LD_PRELOAD of another libaio and KAIO_TEST_FOREIGN_LIBAIO=1
 * they test that one.
 */
#ifndef LIBAIO_FIXTURE_H
#define LIBAIO_FIXTURE_H

#include "calls.h"
#include "fixture.h"
#include "harness.h"

#include <libaio.h>

#include <stddef.h>
#include <stdint.h>

/*
 * With the ring, without it, and with KAIO_SPIN_NS. The program ends if it does
 * not run on our library.
 */
Suite *libaio_suite(const char *name, const TTest *const *tests, size_t nr);

/* Whether the library is not ours. */
bool libaio_is_foreign(void);

/* A number from the environment, or the given one. */
size_t libaio_amount(const char *variable, size_t otherwise);

io_context_t libaio_context(int maxevents);

/* An operation that completes at once, with 1; its data is number. */
void libaio_good(struct iocb *iocb, size_t number);

/* An operation that completes when it is cancelled, or its eventfd written. */
int libaio_endless(struct iocb *iocb, size_t number);

/* Submits nr numbered operations that complete at once. */
void libaio_submit_good(io_context_t ctx, size_t first, size_t nr);

/* Waits for the only operation, and returns its result. */
long libaio_result(io_context_t ctx, struct iocb *iocb);

/* io_getevents; and io_pgetevents without a mask, and with one. */
typedef int (*libaio_waiter)(io_context_t ctx, long min_nr, long nr,
			     struct io_event *events, struct timespec *timeout);

#define LIBAIO_WAITERS 3
extern const libaio_waiter libaio_waiters[LIBAIO_WAITERS];

/* The ring, as programs that read it declare it. */
struct libaio_ring {
	unsigned id, nr, head, tail, magic, compat, incompat, header_length;
	struct io_event events[];
};

struct libaio_ring *libaio_ring(io_context_t ctx);
size_t libaio_ring_size(io_context_t ctx);

/* The system call. */
int libaio_raw_destroy(io_context_t ctx);

/* Every call for this context is -EINVAL. */
void libaio_refused_by_all(io_context_t ctx);

/*
 * Counts how often each number completed. tally_add() can be called from
 * threads and signal handlers; tally_end() asserts.
 */
struct tally {
	uint8_t *seen;
	size_t nr;
	size_t total;
	size_t strange; /* number out of range, or not completed with 1 */
};

void tally_begin(struct tally *tally, size_t nr);
void tally_add(struct tally *tally, const struct io_event *events, int nr);
size_t tally_total(const struct tally *tally);

/* Each number completed once. */
void tally_end(const struct tally *tally);

/* Evaluates it in a child, and asserts in the parent that it is true. */
#define IN_CHILD(expression)                  \
	do {                                  \
		pid_t child = fork();         \
		if (child == 0)               \
			_exit(!(expression)); \
		libaio_join_child(child);     \
	} while (0)

void libaio_join_child(pid_t child);

#endif
