/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * libaio, as its users use it; but loaded by its path, for by its name the
 * linker would find the drop-in of this build.
 */
#ifdef LIBAIO_PATH
#include "bench.h"

#include <dlfcn.h>
#include <errno.h>
#include <libaio.h>
#include <stdlib.h>

static struct {
	__typeof__(&io_setup) setup;
	__typeof__(&io_destroy) destroy;
	__typeof__(&io_submit) submit;
	__typeof__(&io_getevents) getevents;
} libaio;

static void load(void)
{
	void *library;

	if (libaio.setup)
		return;
	library = dlopen(LIBAIO_PATH, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		die("libaio: %s", dlerror());
	*(void **)&libaio.setup = dlsym(library, "io_setup");
	*(void **)&libaio.destroy = dlsym(library, "io_destroy");
	*(void **)&libaio.submit = dlsym(library, "io_submit");
	*(void **)&libaio.getevents = dlsym(library, "io_getevents");
}

struct libaio_state {
	io_context_t ctx;
	bool writes;
	unsigned pending;
	struct iocb **batch;
	struct iocb *iocbs; /* by the operation's index */
	struct io_event *events;
};

static void libaio_close(void *state)
{
	struct libaio_state *s = state;

	if (s->ctx)
		libaio.destroy(s->ctx);
	free(s->batch);
	free(s->iocbs);
	free(s->events);
	free(s);
}

static int libaio_open(void **state, const struct setup *setup)
{
	struct libaio_state *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (!s)
		return ret;
	load();
	s->writes = setup->writes;
	s->batch = calloc(setup->nr_ops, sizeof(*s->batch));
	s->iocbs = calloc(setup->nr_ops, sizeof(*s->iocbs));
	s->events = calloc(setup->nr_ops, sizeof(*s->events));
	if (s->batch && s->iocbs && s->events)
		ret = libaio.setup((int)setup->depth, &s->ctx);
	if (ret < 0)
		libaio_close(s);
	else
		*state = s;
	return ret;
}

static void libaio_prepare(void *state, struct op *const *ops, unsigned nr)
{
	struct libaio_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++) {
		struct op *op = ops[i];
		struct iocb *iocb = &s->iocbs[op->index];

		if (s->writes)
			io_prep_pwrite(iocb, op->fd, op->buffer, op->length,
				       op->offset);
		else
			io_prep_pread(iocb, op->fd, op->buffer, op->length,
				      op->offset);
		iocb->data = op;
	}
}

static void libaio_push(void *state, struct op *const *ops, unsigned nr)
{
	struct libaio_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++)
		s->batch[s->pending++] = &s->iocbs[ops[i]->index];
}

static int libaio_submit(void *state)
{
	struct libaio_state *s = state;
	unsigned done = 0;

	while (done < s->pending) {
		int ret = libaio.submit(s->ctx, (long)(s->pending - done),
					s->batch + done);

		if (ret < 0)
			return ret;
		done += (unsigned)ret;
	}
	s->pending = 0;
	return 0;
}

static int libaio_wait(void *state, struct op **done, unsigned min,
		       unsigned max)
{
	struct libaio_state *s = state;
	int ret = libaio_submit(s);
	unsigned n = 0;
	int i;

	if (ret < 0)
		return ret;
	do {
		ret = libaio.getevents(s->ctx, (long)(min - n), (long)(max - n),
				       s->events, NULL);
		if (ret < 0 && ret != -EINTR)
			return ret;
		for (i = 0; i < ret; i++) {
			struct op *op = s->events[i].data;

			op->res = (long)s->events[i].res;
			done[n++] = op;
		}
	} while (n < min);
	return (int)n;
}

const struct engine libaio_engine = {
	.name = "libaio",
	.about = "libaio: io_submit() and io_getevents()",
	.file = LIBAIO_PATH,
	.is_aio = true,
	.open = libaio_open,
	.close = libaio_close,
	.prepare = libaio_prepare,
	.push = libaio_push,
	.submit = libaio_submit,
	.wait = libaio_wait,
};
#else
typedef int no_libaio;
#endif
