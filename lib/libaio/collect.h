/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Collecting completions, from the ring or from the kernel. */
#ifndef LIBAIO_COLLECT_H
#define LIBAIO_COLLECT_H

#include "abi.h"

#include <stdbool.h>
#include <stdint.h>

/* As the kernel takes a negative timeout. */
#define FOREVER (-1)

/* One call of io_getevents() or io_pgetevents(), and what of it is left to do.
 */
struct collect {
	kaio_context_t ctx;
	long min;
	long nr;
	struct kaio_event *events;
	int64_t timeout; /* nanoseconds; negative: FOREVER */
	const sigset_t *sigmask;
	bool by_pgetevents;

	/* kaio_collect()'s own. */
	struct context *context; /* NULL: the kernel's alone */
	int n;			 /* events so far */
	uint32_t spin_ns;
};

int kaio_collect(struct collect *collect);

#endif
