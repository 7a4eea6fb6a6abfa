/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What a careful program writes that has no library: syscall(2), partial
 * submissions gone on with, and completions read from the ring. What it leaves
 * out, and libkaio does not: errors of single operations at submission, a bound
 * on what is in flight, fork, rings that are none, bad arguments, statistics.
 */
#include "engine.h"

#include <kaio/abi.h> /* its structures alone: not all have linux/aio_abi.h */

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct raw_ring {
	unsigned id, nr, head, tail, magic, compat, incompat, header_length;
	struct kaio_event events[];
};

struct raw_state {
	kaio_context_t ctx;
	struct raw_ring *ring;
	unsigned short opcode;
	unsigned pending;	  /* iocbs that the kernel does not have yet */
	struct kaio_iocb **batch; /* these */
	struct kaio_iocb *iocbs;  /* by the operation's index */
	struct kaio_event *slept; /* what io_getevents collects */
};

static void raw_close(void *state)
{
	struct raw_state *s = state;

	if (s->ctx)
		syscall(SYS_io_destroy, s->ctx);
	free(s->batch);
	free(s->iocbs);
	free(s->slept);
	free(s);
}

static int raw_open(void **state, const struct setup *setup)
{
	struct raw_state *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -ENOMEM;
	s->opcode = setup->writes ? KAIO_OP_PWRITE : KAIO_OP_PREAD;
	s->batch = calloc(setup->nr_ops, sizeof(*s->batch));
	s->iocbs = calloc(setup->nr_ops, sizeof(*s->iocbs));
	s->slept = calloc(setup->nr_ops, sizeof(*s->slept));
	errno = ENOMEM;
	if (!s->batch || !s->iocbs || !s->slept ||
	    syscall(SYS_io_setup, setup->depth, &s->ctx) < 0) {
		error = -errno;
		raw_close(s);
		return error;
	}
	s->ring = (struct raw_ring *)s->ctx;
	if (s->ring->magic != 0xa10a10a1 || s->ring->incompat) {
		raw_close(s);
		return -ENOTSUP;
	}
	*state = s;
	return 0;
}

static void raw_prepare(void *state, struct op *const *ops, unsigned nr)
{
	struct raw_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++)
		s->iocbs[ops[i]->index] = (struct kaio_iocb){
			.data = (uintptr_t)ops[i],
			.lio_opcode = s->opcode,
			.fildes = (unsigned)ops[i]->fd,
			.buf = (uintptr_t)ops[i]->buffer,
			.nbytes = ops[i]->length,
			.offset = ops[i]->offset,
		};
}

static void raw_push(void *state, struct op *const *ops, unsigned nr)
{
	struct raw_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++)
		s->batch[s->pending++] = &s->iocbs[ops[i]->index];
}

static int raw_submit(void *state)
{
	struct raw_state *s = state;
	unsigned done = 0;

	while (done < s->pending) {
		long ret = syscall(SYS_io_submit, s->ctx,
				   (long)(s->pending - done), s->batch + done);

		if (ret < 0)
			return -errno;
		done += (unsigned)ret;
	}
	s->pending = 0;
	return 0;
}

static unsigned raw_reap(struct raw_state *s, struct op **done, unsigned max)
{
	struct raw_ring *ring = s->ring;
	unsigned head = ring->head;
	/* Pairs with the barrier that aio_complete() has before the tail. */
	unsigned tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	unsigned n = 0;

	while (n < max && head != tail) {
		const struct kaio_event *event = &ring->events[head];
		struct op *op = (struct op *)(uintptr_t)event->data;

		op->res = event->res;
		done[n++] = op;
		if (++head == ring->nr)
			head = 0;
	}
	/* The slots are the kernel's again when their events have been read. */
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
	return n;
}

static int raw_wait(void *state, struct op **done, unsigned min, unsigned max)
{
	struct raw_state *s = state;
	int ret = raw_submit(s);
	unsigned n;
	long i;

	if (ret < 0)
		return ret;
	n = raw_reap(s, done, max);
	while (n < min) {
		long got = syscall(SYS_io_getevents, s->ctx, (long)(min - n),
				   (long)(max - n), s->slept, NULL);

		if (got < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < got; i++) {
			struct op *op =
				(struct op *)(uintptr_t)s->slept[i].data;

			op->res = s->slept[i].res;
			done[n++] = op;
		}
	}
	return (int)n;
}

const struct engine raw_engine = {
	.name = "raw",
	.about = "syscall(2) and the ring, written by hand",
	.is_aio = true,
	.open = raw_open,
	.close = raw_close,
	.prepare = raw_prepare,
	.push = raw_push,
	.submit = raw_submit,
	.wait = raw_wait,
};
