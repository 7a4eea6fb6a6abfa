/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What every engine is to the bench: a way to have operations done. All get the
 * same operations, in the same order, and are driven by the same loops.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One operation; all of it but res is the bench's. */
struct op {
	int fd;
	unsigned index; /* among those of one opened engine */
	void *buffer;
	size_t length;
	int64_t offset;
	int64_t res; /* set by the engine: bytes moved, or a negative errno */
};

struct engine;

/* What an engine is opened for. */
struct setup {
	const struct engine *engine;
	unsigned nr_ops; /* their indices are less */
	unsigned depth;	 /* operations in flight at once, at most */
	bool writes;
};

/*
 * A request of many operations, by engines that have a way of their own for
 * that. The others' are made of the calls below.
 */
struct request_calls {
	int (*prepare)(void *state, struct op *const *ops, unsigned nr);
	int (*post)(void *state);
	int (*finish)(void *state);
	void (*release)(void *state);
};

/*
 * All but close, prepare and push return a negative errno where they fail.
 * Operations that fail do so in their res.
 */
struct engine {
	const char *name;
	const char *about;
	const char *file; /* its library, where it could be another; or NULL */
	bool asked_for;	  /* takes part only when named */
	bool is_aio;	  /* counts against fs.aio-max-nr */
	bool is_python;	  /* a process that files.py runs in */
	int (*open)(void **state, const struct setup *setup);
	void (*close)(void *state);
	/* Makes of the operations what the kernel or the library takes. */
	void (*prepare)(void *state, struct op *const *ops, unsigned nr);
	/* Puts them where submit finds them; no system call. */
	void (*push)(void *state, struct op *const *ops, unsigned nr);
	int (*submit)(void *state);
	/* Submits, and collects from min to max of those in flight. */
	int (*wait)(void *state, struct op **done, unsigned min, unsigned max);
	const struct request_calls *request;
	unsigned flags;	 /* the engine's own */
	int64_t spin_ns; /* kaio only */
};

extern const struct engine pread_engine, pool_engine, posix_engine,
	posix_thread_engine, libaio_engine, uring_engine, raw_engine,
	kaio_engine, kaio_noring_engine, python_engine, python_kaio_engine;
/* For tests of the bench: see engine-faulty.c. */
extern const struct engine idle_engine, silent_engine, corrupt_engine;

/* All that were built, in the order of the tables; ends with NULL. */
extern const struct engine *const engines[];

/* Those that were left out when this was built, in words; or NULL. */
extern const char *const engines_missing;

const struct engine *engine_find(const char *name, size_t length);

#endif
