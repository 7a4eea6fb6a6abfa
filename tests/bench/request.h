/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A request: operations that are prepared once, and posted and finished again
 * and again. An engine without requests of its own keeps up to depth of them in
 * flight.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "bench.h"

struct request {
	const struct engine *engine;
	const struct target *target;
	struct op *const *ops;
	unsigned nr;
	unsigned depth;
	void *state;
	struct op **done;
	unsigned posted;
};

/* The first five members are the caller's to set. All end the program. */
void request_open(struct request *request);
void request_prepare(struct request *request);
void request_post(struct request *request);
void request_finish(struct request *request);
void request_close(struct request *request);

#endif
