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
	const char *no_ring = getenv("KAIO_NO_RING");
	const char *preload = getenv("LD_PRELOAD");

	if (no_ring && *no_ring)
		return !environment_has("KAIO_NO_RING");
	return !(preload && strstr(preload, "vgpreload_"));
}

#endif
