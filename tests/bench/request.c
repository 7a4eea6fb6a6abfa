/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void check(const struct request *request, int ret)
{
	if (ret < 0)
		die("%s: %s: %s", request->target->path, request->engine->name,
		    strerror(-ret));
}

void request_open(struct request *request)
{
	const struct setup setup = {
		.engine = request->engine,
		.nr_ops = request->nr,
		.depth = request->depth,
		.writes = request->target->writes,
	};

	request->state = engine_open(request->engine, &setup);
	request->done = must_have(calloc(request->nr, sizeof(struct op *)));
}

void request_prepare(struct request *request)
{
	const struct engine *engine = request->engine;

	if (engine->request)
		check(request,
		      engine->request->prepare(request->state, request->ops,
					       request->nr));
	else
		engine->prepare(request->state, request->ops, request->nr);
}

void request_post(struct request *request)
{
	const struct engine *engine = request->engine;

	if (engine->request) {
		check(request, engine->request->post(request->state));
		return;
	}
	request->posted =
		request->nr < request->depth ? request->nr : request->depth;
	engine->push(request->state, request->ops, request->posted);
	check(request, engine->submit(request->state));
}

void request_finish(struct request *request)
{
	const struct engine *engine = request->engine;
	unsigned finished = 0;

	if (engine->request) {
		/* Its errors are in the results. */
		engine->request->finish(request->state);
		return;
	}
	while (finished < request->nr) {
		unsigned flying = request->posted - finished;
		unsigned left = request->nr - request->posted;
		int ret = engine->wait(request->state, request->done,
				       left ? 1 : flying, flying);

		check(request, ret);
		finished += (unsigned)ret;
		if (left > (unsigned)ret)
			left = (unsigned)ret;
		engine->push(request->state, request->ops + request->posted,
			     left);
		request->posted += left;
	}
}

void request_close(struct request *request)
{
	const struct engine *engine = request->engine;

	if (engine->request)
		engine->request->release(request->state);
	engine->close(request->state);
	free(request->done);
}
