/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The inline functions once more, as symbols, for callers that are not C. */
#define KAIO_INLINE
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#include <kaio/prep.h>
#include <kaio/probe.h>
#include <kaio/ring.h>

const char *kaio_version(void)
{
	return KAIO_VERSION;
}
