/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The inline functions once more, as symbols, for callers that are not C. What
 * is not inline is defined elsewhere.
 */
#define KAIO_INLINE
#define KAIO_EXTERN_INLINE
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#include <kaio/prep.h>
#include <kaio/probe.h>
#include <kaio/queue.h>
#include <kaio/ring.h>
