/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Plain system calls, one after the other: done when submit returns. */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct pread_state {
	bool writes;
	unsigned pushed, submitted, collected; /* run freely */
	unsigned size;
	struct op *fifo[];
};

static int pread_open(void **state, const struct setup *setup)
{
	struct pread_state *s =
		calloc(1, sizeof(*s) + setup->nr_ops * sizeof(s->fifo[0]));

	if (!s)
		return -ENOMEM;
	s->writes = setup->writes;
	s->size = setup->nr_ops;
	*state = s;
	return 0;
}

static void pread_prepare(void *state, struct op *const *ops, unsigned nr)
{
	(void)state;
	(void)ops;
	(void)nr;
}

static void pread_push(void *state, struct op *const *ops, unsigned nr)
{
	struct pread_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++)
		s->fifo[s->pushed++ % s->size] = ops[i];
}

static int pread_submit(void *state)
{
	struct pread_state *s = state;

	while (s->submitted != s->pushed) {
		struct op *op = s->fifo[s->submitted++ % s->size];

		op->res = s->writes ? pwrite(op->fd, op->buffer, op->length,
					     op->offset)
				    : pread(op->fd, op->buffer, op->length,
					    op->offset);
		if (op->res < 0)
			op->res = -errno;
	}
	return 0;
}

static int pread_wait(void *state, struct op **done, unsigned min, unsigned max)
{
	struct pread_state *s = state;
	unsigned n = 0;

	(void)min;
	pread_submit(s);
	while (n < max && s->collected != s->submitted)
		done[n++] = s->fifo[s->collected++ % s->size];
	return (int)n;
}

const struct engine pread_engine = {
	.name = "pread",
	.about = "pread(2) and pwrite(2), one after the other",
	.open = pread_open,
	.close = free,
	.prepare = pread_prepare,
	.push = pread_push,
	.submit = pread_submit,
	.wait = pread_wait,
};
