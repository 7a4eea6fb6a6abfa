/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * io_uring by liburing, as a program uses it that moves over from AIO: a plain
 * ring, and nothing registered with it. An operation is written straight into
 * the ring when it is pushed, so that there is nothing to prepare before.
 */
#ifdef HAVE_LIBURING
#include "engine.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

/* More is -EINVAL in the kernel. */
#define ENTRIES_MAX 32768

struct uring_state {
	struct io_uring ring;
	bool writes;
	struct io_uring_cqe *cqes[128];
};

static int uring_open(void **state, const struct setup *setup)
{
	struct uring_state *s = calloc(1, sizeof(*s));
	unsigned entries = setup->depth;
	int ret;

	if (!s)
		return -ENOMEM;
	s->writes = setup->writes;
	if (entries > ENTRIES_MAX)
		entries = ENTRIES_MAX;
	ret = io_uring_queue_init(entries, &s->ring, 0);
	if (ret < 0)
		free(s);
	else
		*state = s;
	return ret;
}

static void uring_close(void *state)
{
	struct uring_state *s = state;

	io_uring_queue_exit(&s->ring);
	free(s);
}

static void uring_prepare(void *state, struct op *const *ops, unsigned nr)
{
	(void)state;
	(void)ops;
	(void)nr;
}

static void uring_push(void *state, struct op *const *ops, unsigned nr)
{
	struct uring_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&s->ring);
		struct op *op = ops[i];

		if (!sqe) {
			io_uring_submit(&s->ring);
			sqe = io_uring_get_sqe(&s->ring);
		}
		if (s->writes)
			io_uring_prep_write(sqe, op->fd, op->buffer,
					    (unsigned)op->length,
					    (uint64_t)op->offset);
		else
			io_uring_prep_read(sqe, op->fd, op->buffer,
					   (unsigned)op->length,
					   (uint64_t)op->offset);
		io_uring_sqe_set_data(sqe, op);
	}
}

static int uring_submit(void *state)
{
	struct uring_state *s = state;
	int ret = io_uring_submit(&s->ring);

	return ret < 0 ? ret : 0;
}

static unsigned uring_reap(struct uring_state *s, struct op **done,
			   unsigned max)
{
	const unsigned room = sizeof(s->cqes) / sizeof(*s->cqes);
	unsigned n = io_uring_peek_batch_cqe(&s->ring, s->cqes,
					     max < room ? max : room);
	unsigned i;

	for (i = 0; i < n; i++) {
		struct op *op = io_uring_cqe_get_data(s->cqes[i]);

		op->res = s->cqes[i]->res;
		done[i] = op;
	}
	io_uring_cq_advance(&s->ring, n);
	return n;
}

/* One system call both to submit and to wait, where there is need of any. */
static int uring_wait(void *state, struct op **done, unsigned min, unsigned max)
{
	struct uring_state *s = state;
	unsigned n = 0;

	for (;;) {
		unsigned need = min > n ? min - n : 0;
		unsigned ready = io_uring_cq_ready(&s->ring);
		int ret = 0;

		if (io_uring_sq_ready(&s->ring) || ready < need)
			ret = io_uring_submit_and_wait(&s->ring,
						       ready < need ? need : 0);
		if (ret < 0 && ret != -EINTR && ret != -EAGAIN)
			return ret;
		n += uring_reap(s, done + n, max - n);
		if (n >= min)
			return (int)n;
	}
}

const struct engine uring_engine = {
	.name = "io_uring",
	.about = "liburing, a plain ring, nothing registered",
	.open = uring_open,
	.close = uring_close,
	.prepare = uring_prepare,
	.push = uring_push,
	.submit = uring_submit,
	.wait = uring_wait,
};
#else
typedef int no_liburing;
#endif
