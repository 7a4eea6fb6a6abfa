/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Collecting completions, from the ring or by the kernel. */
#ifndef LIBAIO_COLLECT_H
#define LIBAIO_COLLECT_H

#include "abi.h"

#include <stdint.h>

/* To the kernel, any negative timeout waits indefinitely. */
#define FOREVER (-1)

/* io_getevents(); io_pgetevents() if sigmask is not NULL. */
int kaio_collect(kaio_context_t ctx, long min, long nr,
		 struct kaio_event *events, int64_t timeout_ns,
		 const sigset_t *sigmask);

#endif
