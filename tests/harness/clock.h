/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A clock that stands still but for what a test adds to it; for a program that
 * is linked with -Wl,--wrap=clock_gettime.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

extern int64_t clock_ns;
extern unsigned clock_looks;

/* What each look adds. */
extern int64_t clock_step;

/* Runs before one look, after so many others. */
extern void (*clock_hook)(void);
extern unsigned clock_hook_after;

#endif
