/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Environment variables. Set-user-ID programs ignore them: secure_getenv(3). */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * KAIO_NO_RING decides, if it is set and not empty: 0 allows the ring.
 * Otherwise it is not read under Valgrind, which learns from io_getevents that
 * the kernel has filled a buffer. Valgrind enters a process by LD_PRELOAD.
 */
static inline bool environment_allows_ring(void)
{
	const char *no_ring = secure_getenv("KAIO_NO_RING");
	const char *preload = secure_getenv("LD_PRELOAD");

	if (no_ring && *no_ring)
		return strcmp(no_ring, "0") == 0;
	return !(preload && strstr(preload, "vgpreload_"));
}

/* KAIO_SPIN_NS, if it is a number below 10^9. Not strtoul(3): it sets errno. */
static inline uint32_t environment_spin_ns(void)
{
	const char *digit = secure_getenv("KAIO_SPIN_NS");
	uint32_t ns = 0;

	for (; digit && *digit; digit++) {
		if (*digit < '0' || *digit > '9' || ns >= 100000000)
			return 0;
		ns = 10 * ns + (uint32_t)(*digit - '0');
	}
	return ns;
}

#endif
