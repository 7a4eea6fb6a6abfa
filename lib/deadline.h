/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Timeouts as deadlines: nanoseconds of CLOCK_MONOTONIC, or one of the two. */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <kaio/queue.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NO_WAIT 0
#define NO_DEADLINE INT64_MAX

static inline int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* NULL, for ever, for more than the 68 years that a time_t of 32 bits holds. */
static inline const struct timespec *as_timespec(int64_t ns,
						 struct timespec *time)
{
	const int64_t second = 1000000000;

	if (ns / second > INT32_MAX)
		return NULL;
	time->tv_sec = (time_t)(ns / second);
	time->tv_nsec = (long)(ns % second);
	return time;
}

static inline int64_t deadline_after(int64_t timeout_ns)
{
	int64_t start;

	if (timeout_ns == 0)
		return NO_WAIT;
	if (timeout_ns == KAIO_FOREVER)
		return NO_DEADLINE;
	start = now();
	return timeout_ns < NO_DEADLINE - start ? start + timeout_ns
						: NO_DEADLINE;
}

static inline int64_t time_left(int64_t deadline)
{
	int64_t left;

	if (deadline == NO_WAIT || deadline == NO_DEADLINE)
		return deadline;
	left = deadline - now();
	return left > 0 ? left : 0;
}

#endif
