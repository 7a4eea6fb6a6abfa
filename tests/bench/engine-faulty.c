/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Engines that are wrong, for the tests of the bench to see that it says so.
 * From the second submission on
 *   idle    does nothing, and says that all went well;
 *   silent  does nothing, and leaves the results as it finds them;
 *   corrupt reads, but not quite what is there.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>

enum fault {
	IDLE,
	SILENT,
	CORRUPT
};

struct faulty_state {
	enum fault fault;
	void *pread;
	struct op **pushed;
	unsigned nr_pushed;
	unsigned submissions;
};

static void faulty_close(void *state)
{
	struct faulty_state *s = state;

	pread_engine.close(s->pread);
	free(s->pushed);
	free(s);
}

static int faulty_open(void **state, const struct setup *setup)
{
	struct faulty_state *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (!s)
		return ret;
	s->fault = setup->engine->flags;
	s->pushed = calloc(setup->nr_ops, sizeof(*s->pushed));
	if (s->pushed)
		ret = pread_engine.open(&s->pread, setup);
	if (ret < 0) {
		free(s->pushed);
		free(s);
		return ret;
	}
	*state = s;
	return 0;
}

static void faulty_prepare(void *state, struct op *const *ops, unsigned nr)
{
	(void)state;
	(void)ops;
	(void)nr;
}

static void faulty_push(void *state, struct op *const *ops, unsigned nr)
{
	struct faulty_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++)
		s->pushed[s->nr_pushed++] = ops[i];
}

static int faulty_submit(void *state)
{
	(void)state;
	return 0;
}

static int faulty_wait(void *state, struct op **done, unsigned min,
		       unsigned max)
{
	struct faulty_state *s = state;
	unsigned n = s->nr_pushed < max ? s->nr_pushed : max;
	bool first = !s->submissions++;
	unsigned i;

	(void)min;
	for (i = 0; i < n; i++) {
		struct op *op = s->pushed[--s->nr_pushed];

		if (first || s->fault == CORRUPT) {
			pread_engine.push(s->pread, &op, 1);
			pread_engine.wait(s->pread, &op, 1, 1);
		}
		if (s->fault == IDLE)
			op->res = (int64_t)op->length;
		if (!first && s->fault == CORRUPT && op->res > 0)
			((char *)op->buffer)[op->res / 2] ^= 1;
		done[i] = op;
	}
	return (int)n;
}

#define FAULTY_ENGINE                                                          \
	.about = "wrong, for the tests of the bench", .asked_for = true,       \
	.open = faulty_open, .close = faulty_close, .prepare = faulty_prepare, \
	.push = faulty_push, .submit = faulty_submit, .wait = faulty_wait

const struct engine idle_engine = {
	.name = "idle",
	.flags = IDLE,
	FAULTY_ENGINE,
};

const struct engine silent_engine = {
	.name = "silent",
	.flags = SILENT,
	FAULTY_ENGINE,
};

const struct engine corrupt_engine = {
	.name = "corrupt",
	.flags = CORRUPT,
	FAULTY_ENGINE,
};
