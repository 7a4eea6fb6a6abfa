/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The library's rule for errors, applied to system calls. */
#ifndef CALL_H
#define CALL_H

#include <errno.h>

/* The one conversion from syscall(2) to a negative errno. */
static inline int call_result(long ret, int saved)
{
	if (ret < 0) {
		ret = -errno;
		errno = saved;
	}
	return (int)ret;
}

#endif
