/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* System calls: their errors, and the other time_t of 32-bit glibc. */
#ifndef CALL_H
#define CALL_H

#include <errno.h>
#include <stdint.h>

/* The one conversion from syscall(2) to a negative errno. */
static inline int call_result(long ret, int saved)
{
	if (ret < 0) {
		ret = -errno;
		errno = saved;
	}
	return (int)ret;
}

/* struct timespec as programs with _TIME_BITS=64 have it. */
struct timespec64 {
	int64_t tv_sec;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	int32_t padding;
	int32_t tv_nsec;
#else
	int32_t tv_nsec;
	int32_t padding;
#endif
};

#endif
