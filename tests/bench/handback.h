/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * How other threads hand operations back that they have done. It is never torn
 * down: a thread may still be on its way out of it.
 */
#ifndef HANDBACK_H
#define HANDBACK_H

#include "engine.h"

#include <pthread.h>

struct handback {
	pthread_mutex_t lock;
	pthread_cond_t some;
	unsigned nr;
	struct op *ops[4096];
};

#define HANDBACK_INITIALIZER                       \
	{                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER, \
		.some = PTHREAD_COND_INITIALIZER   \
	}

#define HANDBACK_MAX \
	(sizeof(((struct handback *)NULL)->ops) / sizeof(struct op *))

static inline void hand_back(struct handback *to, struct op *op)
{
	pthread_mutex_lock(&to->lock);
	to->ops[to->nr++] = op;
	pthread_cond_signal(&to->some);
	pthread_mutex_unlock(&to->lock);
}

static inline unsigned take_back(struct handback *from, struct op **done,
				 unsigned min, unsigned max)
{
	unsigned n = 0;

	pthread_mutex_lock(&from->lock);
	for (;;) {
		while (n < max && from->nr)
			done[n++] = from->ops[--from->nr];
		if (n >= min)
			break;
		pthread_cond_wait(&from->some, &from->lock);
	}
	pthread_mutex_unlock(&from->lock);
	return n;
}

#endif
