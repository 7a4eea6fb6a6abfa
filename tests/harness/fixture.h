/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What the tests of the queue are made of. Everything asserts. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <kaio.h>

#include <stddef.h>

struct kaio_queue *fixture_queue(unsigned depth, unsigned backlog);

/* An operation that the kernel takes and completes at once, with 1. */
void fixture_good(struct kaio_iocb *iocb);

/* An operation that the kernel refuses with -EBADF. */
void fixture_bad(struct kaio_iocb *iocb);

/* An operation that completes only when it is cancelled, with 0. */
void fixture_endless(struct kaio_iocb *iocb);

/* A transfer of so many good ones. */
struct kaio_transfer *fixture_transfer(struct kaio_queue *queue, unsigned nr);

void fixture_push(struct kaio_queue *queue, struct kaio_iocb *iocbs, size_t nr);

/*
 * Collects to the last completion, with room for room at a time, and asserts
 * that each of the operations iocbs[nr] had exactly one. Its res goes to
 * results[i].
 */
void fixture_collect_all(struct kaio_queue *queue, unsigned room,
			 const struct kaio_iocb *iocbs, size_t nr,
			 int64_t *results);

/*
 * A new file that has no name, of that size, every 8 bytes of it their own
 * offset; in $TMPDIR, or here. -1 if flags has O_DIRECT and the file system
 * will not have it.
 */
int fixture_file(int flags, size_t size);

/* Page-aligned memory; freed with the process. */
void *fixture_buffer(size_t size);

/* Fills or checks a buffer with what fixture_file() has at offset. */
void fixture_fill(void *buffer, size_t size, uint64_t offset);
void fixture_check(const void *buffer, size_t size, uint64_t offset);

/*
 * Signals come from now on, again and again, to a handler that does nothing;
 * until they are stopped, which a test does before it ends.
 */
void fixture_signals(void);
void fixture_no_signals(void);

#endif
