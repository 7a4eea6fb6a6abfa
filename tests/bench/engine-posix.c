/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * POSIX AIO, which in the C library is threads of the process: once with
 * aio_suspend(3), which looks at all that is in flight, and once with a thread
 * that is started for each completion.
 */
#include "handback.h"

#include <aio.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct posix_state {
	bool writes, by_thread;
	unsigned nr_pushed;
	unsigned nr_flight; /* of the next two */
	const struct aiocb **aiocbs_in_flight;
	struct op **flight;
	struct op **pushed;
	struct aiocb *aiocbs; /* by the operation's index */
};

static struct handback handback = HANDBACK_INITIALIZER;
static struct aiocb *aiocbs_of_threads;

static void posix_close(void *state)
{
	struct posix_state *s = state;

	free(s->aiocbs_in_flight);
	free(s->flight);
	free(s->pushed);
	free(s->aiocbs);
	free(s);
}

static int posix_open(void **state, const struct setup *setup)
{
	struct posix_state *s = calloc(1, sizeof(*s));
	const unsigned nr = setup->nr_ops;

	if (!s)
		return -ENOMEM;
	s->writes = setup->writes;
	s->by_thread = setup->engine->flags;
	s->aiocbs_in_flight = calloc(nr, sizeof(*s->aiocbs_in_flight));
	s->flight = calloc(nr, sizeof(*s->flight));
	s->pushed = calloc(nr, sizeof(*s->pushed));
	s->aiocbs = calloc(nr, sizeof(*s->aiocbs));
	if (!s->aiocbs_in_flight || !s->flight || !s->pushed || !s->aiocbs ||
	    (s->by_thread && nr > HANDBACK_MAX)) {
		posix_close(s);
		return -ENOMEM;
	}
	aiocbs_of_threads = s->aiocbs;
	*state = s;
	return 0;
}

static int64_t result(struct aiocb *aiocb)
{
	int error = aio_error(aiocb);
	ssize_t ret = aio_return(aiocb);

	return error ? -error : ret;
}

static void notified(union sigval value)
{
	struct op *op = value.sival_ptr;

	op->res = result(&aiocbs_of_threads[op->index]);
	hand_back(&handback, op);
}

static void posix_prepare(void *state, struct op *const *ops, unsigned nr)
{
	struct posix_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++) {
		struct aiocb *aiocb = &s->aiocbs[ops[i]->index];

		memset(aiocb, 0, sizeof(*aiocb));
		aiocb->aio_fildes = ops[i]->fd;
		aiocb->aio_buf = ops[i]->buffer;
		aiocb->aio_nbytes = ops[i]->length;
		aiocb->aio_offset = ops[i]->offset;
		aiocb->aio_sigevent.sigev_notify = SIGEV_NONE;
		if (s->by_thread) {
			aiocb->aio_sigevent.sigev_notify = SIGEV_THREAD;
			aiocb->aio_sigevent.sigev_notify_function = notified;
			aiocb->aio_sigevent.sigev_value.sival_ptr = ops[i];
		}
	}
}

static void posix_push(void *state, struct op *const *ops, unsigned nr)
{
	struct posix_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++)
		s->pushed[s->nr_pushed++] = ops[i];
}

static int posix_submit(void *state)
{
	struct posix_state *s = state;
	unsigned i;

	for (i = 0; i < s->nr_pushed; i++) {
		struct op *op = s->pushed[i];
		struct aiocb *aiocb = &s->aiocbs[op->index];

		if ((s->writes ? aio_write(aiocb) : aio_read(aiocb)) < 0)
			return -errno;
		if (s->by_thread)
			continue;
		s->flight[s->nr_flight] = op;
		s->aiocbs_in_flight[s->nr_flight++] = aiocb;
	}
	s->nr_pushed = 0;
	return 0;
}

static unsigned posix_reap(struct posix_state *s, struct op **done,
			   unsigned max)
{
	unsigned kept = 0;
	unsigned n = 0;
	unsigned i;

	for (i = 0; i < s->nr_flight; i++) {
		struct op *op = s->flight[i];
		struct aiocb *aiocb = &s->aiocbs[op->index];

		if (n == max || aio_error(aiocb) == EINPROGRESS) {
			s->aiocbs_in_flight[kept] = aiocb;
			s->flight[kept++] = op;
			continue;
		}
		op->res = result(aiocb);
		done[n++] = op;
	}
	s->nr_flight = kept;
	return n;
}

static int posix_wait(void *state, struct op **done, unsigned min, unsigned max)
{
	struct posix_state *s = state;
	int ret = posix_submit(s);
	unsigned n;

	if (ret < 0)
		return ret;
	if (s->by_thread)
		return (int)take_back(&handback, done, min, max);
	n = posix_reap(s, done, max);
	while (n < min) {
		if (aio_suspend(s->aiocbs_in_flight, (int)s->nr_flight, NULL) &&
		    errno != EINTR)
			return -errno;
		n += posix_reap(s, done + n, max - n);
	}
	return (int)n;
}

#define POSIX_ENGINE                                                        \
	.open = posix_open, .close = posix_close, .prepare = posix_prepare, \
	.push = posix_push, .submit = posix_submit, .wait = posix_wait

const struct engine posix_engine = {
	.name = "posix",
	.about = "POSIX AIO, waiting by aio_suspend(3)",
	POSIX_ENGINE,
};

const struct engine posix_thread_engine = {
	.name = "posix-thread",
	.about = "POSIX AIO, told by a thread (SIGEV_THREAD)",
	.asked_for = true,
	.flags = 1,
	POSIX_ENGINE,
};
