/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Included before the files that read the ring: it changes between any two
 * loads of it, and while events are copied.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "seam.h"

#include <stddef.h>
#include <string.h>

void hostile_change(void);

#define __atomic_load_n(memory, order) \
	(hostile_change(), __atomic_load_n(memory, order))
#define memcpy(to, from, size) (hostile_change(), memcpy(to, from, size))

#endif
