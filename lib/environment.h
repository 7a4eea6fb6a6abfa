/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What the environment of the process says. */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Set to anything but nothing or 0. */
static inline bool environment_has(const char *name)
{
	const char *value = getenv(name);

	return value && *value && strcmp(value, "0") != 0;
}

/* Set to 0. */
static inline bool environment_denies(const char *name)
{
	const char *value = getenv(name);

	return value && strcmp(value, "0") == 0;
}

/*
 * Valgrind learns from io_getevents that a buffer has been filled, so that
 * under it no ring is read, unless the environment insists. LD_PRELOAD is how
 * it gets into the process.
 */
static inline bool environment_allows_ring(void)
{
	const char *preload = getenv("LD_PRELOAD");

	if (environment_has("KAIO_NO_RING"))
		return false;
	return environment_denies("KAIO_NO_RING") ||
	       !(preload && strstr(preload, "vgpreload_"));
}

#endif
