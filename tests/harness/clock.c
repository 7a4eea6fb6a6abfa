/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "clock.h"

#include <stddef.h>
#include <time.h>

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int64_t clock_ns = 1000000000;
unsigned clock_looks;
int64_t clock_step;
void (*clock_hook)(void);
unsigned clock_hook_after;

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	(void)clock;
	clock_looks++;
	if (clock_hook && clock_hook_after-- == 0) {
		clock_hook();
		clock_hook = NULL;
	}
	time->tv_sec = (time_t)(clock_ns / 1000000000);
	time->tv_nsec = (long)(clock_ns % 1000000000);
	clock_ns += clock_step;
	return 0;
}
