/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "engine.h"

#include <string.h>

const struct engine *const engines[] = {
	&pread_engine,
	&pool_engine,
	&posix_engine,
	&posix_thread_engine,
#ifdef HAVE_LIBAIO
	&libaio_engine,
#endif
#ifdef HAVE_LIBURING
	&uring_engine,
#endif
	&raw_engine,
	&kaio_engine,
	&kaio_noring_engine,
	&idle_engine,
	&silent_engine,
	&corrupt_engine,
	NULL,
};

#if !defined(HAVE_LIBAIO) && !defined(HAVE_LIBURING)
const char *const engines_missing = "libaio and io_uring: built without them";
#elif !defined(HAVE_LIBAIO)
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
