/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Which engines there are, opening them, and not taking their word. */
#include "bench.h"

#include <kaio.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

const struct engine *const engines[] = {
	&pread_engine,	      &pool_engine,	   &posix_engine,
	&posix_thread_engine,
#ifdef LIBAIO_PATH
	&libaio_engine,
#endif
#ifdef HAVE_LIBURING
	&uring_engine,
#endif
	&raw_engine,	      &kaio_engine,	   &kaio_noring_engine,
	&python_engine,	      &python_kaio_engine, &idle_engine,
	&silent_engine,	      &corrupt_engine,	   NULL,
};

#if !defined(LIBAIO_PATH) && !defined(HAVE_LIBURING)
const char *const engines_missing = "libaio and io_uring: built without them";
#elif !defined(LIBAIO_PATH)
const char *const engines_missing = "libaio: built without it";
#elif !defined(HAVE_LIBURING)
const char *const engines_missing = "io_uring: built without liburing";
#else
const char *const engines_missing = NULL;
#endif

const struct engine *engine_find(const char *name, size_t length)
{
	size_t i;

	for (i = 0; engines[i]; i++)
		if (strlen(engines[i]->name) == length &&
		    memcmp(engines[i]->name, name, length) == 0)
			return engines[i];
	return NULL;
}

static void cannot_open(const struct engine *engine, int ret)
{
	const char *why = engine->request
				  ? kaio_explain(KAIO_CALL_QUEUE_CREATE, ret)
			  : engine->is_aio ? kaio_explain(KAIO_CALL_SETUP, ret)
					   : strerror(-ret);

	if (engine->is_aio && ret == -EAGAIN) {
		struct kaio_limits limits = { 0 };

		kaio_get_limits(&limits);
		die("%s: not enough quota: fs.aio-nr is %" PRIu64
		    " and fs.aio-max-nr %" PRIu64
		    "; take a smaller depth, or sysctl fs.aio-max-nr",
		    engine->name, limits.aio_nr, limits.aio_max_nr);
	}
	die("%s: cannot be opened: %s", engine->name, why);
}

void *engine_open(const struct engine *engine, const struct setup *setup)
{
	void *state;
	int ret = engine->open(&state, setup);

	if (ret < 0)
		cannot_open(engine, ret);
	return state;
}

void engines_try(struct options *options, unsigned depth)
{
	unsigned kept = 0;
	unsigned i;

	for (i = 0; i < options->nr_engines; i++) {
		const struct engine *engine = options->engines[i];
		const struct setup setup = { .engine = engine,
					     .nr_ops = depth,
					     .depth = depth };
		void *state;
		int ret = engine->open(&state, &setup);

		if (ret < 0 && (ret == -EAGAIN || engine == options->against))
			cannot_open(engine, ret);
		if (ret < 0) {
			note("%s is left out: %s", engine->name,
			     strerror(-ret));
			continue;
		}
		engine->close(state);
		if (engine->file)
			note("%s is %s", engine->name, engine->file);
		options->engines[kept++] = engine;
	}
	options->nr_engines = kept;
}

void check_results(const struct engine *engine, const struct target *target,
		   struct op *const *ops, unsigned nr, bool verify)
{
	unsigned i;

	for (i = 0; i < nr; i++) {
		const struct op *op = ops[i];

		if (op->res < 0)
			die("%s: %s: offset %" PRId64 ": %s", target->path,
			    engine->name, op->offset,
			    op->res == -EINPROGRESS
				    ? "said to be done, and nothing was"
				    : strerror((int)-op->res));
		if ((uint64_t)op->res != op->length)
			die("%s: %s: offset %" PRId64 ": %" PRId64
			    " bytes instead of %zu: no rate for I/O that did "
			    "not happen",
			    target->path, engine->name, op->offset, op->res,
			    op->length);
		if (verify && !target->writes && target->patterned &&
		    !pattern_is(op->buffer, op->length, op->offset))
			die("%s: %s: offset %" PRId64
			    ": the data is not what the file holds",
			    target->path, engine->name, op->offset);
	}
}

void check_kernel(const struct engine *engine, const struct target *target,
		  uint64_t bytes, uint64_t moved)
{
	if (target->counted && moved < bytes)
		die("%s: %s says that it moved %" PRIu64
		    " bytes, and the kernel counts %" PRIu64
		    ": no rate for I/O that did not happen",
		    target->path, engine->name, bytes, moved);
}
