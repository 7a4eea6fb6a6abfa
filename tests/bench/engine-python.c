/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Python, for the files table alone: files.py does the reading, in a process of
 * its own, on the library just built, or what KAIO_LIBRARY names.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>

void python_command(char *command, size_t size, const struct engine *engine,
		    unsigned nr, unsigned iterations, const char *directory)
{
	snprintf(command, size, "exec python3 -B '%s/files.py' %s %u %u '%s'",
		 BENCH_FOLDER, engine->name, nr, iterations, directory);
}

/* 0 if python3, its ctypes and files.py are here, and do one round. */
static int python_open(void **state, const struct setup *setup)
{
	char command[8192], quiet[8300];

	setenv("KAIO_LIBRARY", BENCH_LIBRARY, 0);
	python_command(command, sizeof(command), setup->engine, 0, 1, ".");
	snprintf(quiet, sizeof(quiet), "%s >/dev/null 2>&1", command);
	*state = NULL;
	return system(quiet) == 0 ? 0 : -ENOENT;
}

static void python_close(void *state)
{
	(void)state;
}

static void python_prepare(void *state, struct op *const *ops, unsigned nr)
{
	(void)state;
	(void)ops;
	(void)nr;
	die("only files has rows for Python");
}

#define PYTHON_ENGINE                                              \
	.asked_for = true, .is_python = true, .open = python_open, \
	.close = python_close, .prepare = python_prepare

const struct engine python_engine = {
	.name = "python",
	.about = "open() and readinto() of Python, in files alone",
	PYTHON_ENGINE,
};

const struct engine python_kaio_engine = {
	.name = "kaio.py",
	.about = "examples/python/kaio.py, in files alone",
	PYTHON_ENGINE,
};
