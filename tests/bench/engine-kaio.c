/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* This library: its queue, and its transfers for requests. */
#include "engine.h"

#include <kaio.h>

#include <errno.h>
#include <stdlib.h>

struct kaio_state {
	struct kaio_queue *queue;
	struct kaio_transfer *transfer;
	struct op *const *members; /* of the transfer */
	unsigned nr_members;
	bool writes;
	struct kaio_iocb *iocbs; /* by the operation's index */
	struct kaio_event *events;
};

static void kaio_close(void *state)
{
	struct kaio_state *s = state;

	kaio_queue_destroy(s->queue);
	free(s->iocbs);
	free(s->events);
	free(s);
}

static int kaio_open(void **state, const struct setup *setup)
{
	const struct kaio_queue_params params = {
		.flags = setup->engine->flags,
		.spin_ns = setup->engine->spin_ns,
	};
	struct kaio_state *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (!s)
		return ret;
	s->writes = setup->writes;
	s->iocbs = calloc(setup->nr_ops, sizeof(*s->iocbs));
	s->events = calloc(setup->nr_ops, sizeof(*s->events));
	if (s->iocbs && s->events)
		ret = kaio_queue_create(&s->queue, setup->depth, &params);
	if (ret < 0)
		kaio_close(s);
	else
		*state = s;
	return ret;
}

static void fill_in(const struct kaio_state *s, struct kaio_iocb *iocb,
		    const struct op *op)
{
	if (s->writes)
		kaio_prep_pwrite(iocb, op->fd, op->buffer, op->length,
				 op->offset);
	else
		kaio_prep_pread(iocb, op->fd, op->buffer, op->length,
				op->offset);
}

static void kaio_prepare(void *state, struct op *const *ops, unsigned nr)
{
	struct kaio_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++) {
		struct kaio_iocb *iocb = &s->iocbs[ops[i]->index];

		fill_in(s, iocb, ops[i]);
		kaio_iocb_set_data(iocb, ops[i]);
	}
}

/* There is room for all of an engine's operations: nothing to be refused. */
static void kaio_push(void *state, struct op *const *ops, unsigned nr)
{
	struct kaio_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++)
		kaio_queue_push(s->queue, &s->iocbs[ops[i]->index]);
}

static int kaio_submit_all(void *state)
{
	struct kaio_state *s = state;
	int ret = kaio_queue_submit(s->queue);

	return ret < 0 ? ret : 0;
}

static int kaio_wait(void *state, struct op **done, unsigned min, unsigned max)
{
	struct kaio_state *s = state;
	unsigned n = 0;
	int ret;
	int i;

	do {
		ret = kaio_queue_wait(s->queue, s->events, min - n, max - n,
				      KAIO_FOREVER);
		if (ret < 0 && ret != -EINTR)
			return ret;
		for (i = 0; i < ret; i++) {
			struct op *op = kaio_event_data(&s->events[i]);

			op->res = s->events[i].res;
			done[n++] = op;
		}
	} while (n < min);
	return (int)n;
}

static int transfer_prepare(void *state, struct op *const *ops, unsigned nr)
{
	struct kaio_state *s = state;
	int ret = kaio_transfer_create(&s->transfer, s->queue, nr, 0);
	unsigned i;

	if (ret < 0)
		return ret;
	s->members = ops;
	s->nr_members = nr;
	for (i = 0; i < nr; i++)
		fill_in(s, kaio_transfer_iocb(s->transfer, i), ops[i]);
	return 0;
}

static int transfer_post(void *state)
{
	struct kaio_state *s = state;

	return kaio_transfer_post(s->transfer);
}

static int transfer_finish(void *state)
{
	struct kaio_state *s = state;
	unsigned i;
	int ret;

	do
		ret = kaio_transfer_wait(s->transfer, KAIO_FOREVER);
	while (ret == -EINTR);
	for (i = 0; i < s->nr_members; i++)
		s->members[i]->res = kaio_transfer_result(s->transfer, i);
	return ret;
}

static void transfer_release(void *state)
{
	struct kaio_state *s = state;

	kaio_transfer_release(s->transfer);
}

static const struct request_calls by_transfer = {
	.prepare = transfer_prepare,
	.post = transfer_post,
	.finish = transfer_finish,
	.release = transfer_release,
};

#define KAIO_ENGINE                                                            \
	.is_aio = true, .open = kaio_open, .close = kaio_close,                \
	.prepare = kaio_prepare, .push = kaio_push, .submit = kaio_submit_all, \
	.wait = kaio_wait, .request = &by_transfer

const struct engine kaio_engine = {
	.name = "kaio",
	.about = "libkaio: a queue; a transfer for a request",
	KAIO_ENGINE,
};

const struct engine kaio_noring_engine = {
	.name = "kaio-noring",
	.about = "the same, collecting by system call",
	.flags = KAIO_QUEUE_NO_RING,
	KAIO_ENGINE,
};
