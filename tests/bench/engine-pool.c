/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What many programs do instead: 32 threads that take work from a list. */
#include "handback.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 32

struct pool_state {
	bool writes, ends;
	pthread_t threads[THREADS];
	unsigned nr_threads;
	pthread_mutex_t lock;
	pthread_cond_t work;
	unsigned head, tail, pushed; /* run freely */
	unsigned size;
	struct op **fifo;
};

static struct handback handback = HANDBACK_INITIALIZER;

static void *worker(void *state)
{
	struct pool_state *s = state;

	pthread_mutex_lock(&s->lock);
	while (!s->ends) {
		struct op *op;

		if (s->head == s->tail) {
			pthread_cond_wait(&s->work, &s->lock);
			continue;
		}
		op = s->fifo[s->head++ % s->size];
		pthread_mutex_unlock(&s->lock);
		op->res = s->writes ? pwrite(op->fd, op->buffer, op->length,
					     op->offset)
				    : pread(op->fd, op->buffer, op->length,
					    op->offset);
		if (op->res < 0)
			op->res = -errno;
		hand_back(&handback, op);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void pool_close(void *state)
{
	struct pool_state *s = state;

	pthread_mutex_lock(&s->lock);
	s->ends = true;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	while (s->nr_threads)
		pthread_join(s->threads[--s->nr_threads], NULL);
	free(s->fifo);
	free(s);
}

static int pool_open(void **state, const struct setup *setup)
{
	struct pool_state *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->writes = setup->writes;
	s->size = setup->nr_ops;
	s->fifo = calloc(setup->nr_ops, sizeof(*s->fifo));
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	if (!s->fifo || setup->nr_ops > HANDBACK_MAX) {
		pool_close(s);
		return -ENOMEM;
	}
	for (; s->nr_threads < THREADS; s->nr_threads++) {
		int error = pthread_create(&s->threads[s->nr_threads], NULL,
					   worker, s);

		if (error) {
			pool_close(s);
			return -error;
		}
	}
	*state = s;
	return 0;
}

static void pool_prepare(void *state, struct op *const *ops, unsigned nr)
{
	(void)state;
	(void)ops;
	(void)nr;
}

static void pool_push(void *state, struct op *const *ops, unsigned nr)
{
	struct pool_state *s = state;
	unsigned i;

	for (i = 0; i < nr; i++)
		s->fifo[s->pushed++ % s->size] = ops[i];
}

static int pool_submit(void *state)
{
	struct pool_state *s = state;

	if (s->tail == s->pushed)
		return 0;
	pthread_mutex_lock(&s->lock);
	s->tail = s->pushed;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int pool_wait(void *state, struct op **done, unsigned min, unsigned max)
{
	pool_submit(state);
	return (int)take_back(&handback, done, min, max);
}

const struct engine pool_engine = {
	.name = "pool",
	.about = "pread(2) by 32 threads",
	.asked_for = true,
	.open = pool_open,
	.close = pool_close,
	.prepare = pool_prepare,
	.push = pool_push,
	.submit = pool_submit,
	.wait = pool_wait,
};
