/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Between the library and the system: calls that fail, and memory that is
 * counted. */
#include "soak.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
void *__real_calloc(size_t nr, size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

static long fail(int error)
{
	COUNT_UP(faults);
	errno = error;
	return -1;
}

/* One in 27 fails or is partial. */
static long submit(long *arguments)
{
	unsigned nr = (unsigned)arguments[1];

	switch (nr ? soak_random(128) : 127) {
	case 0:
	case 1:
		return fail(EAGAIN);
	case 2:
		return fail(EINTR);
	case 3:
		return soak_random(4) ? 0 : fail(ENOMEM);
	case 4:
	case 5:
		if (nr > 1) {
			COUNT_UP(faults);
			arguments[1] = 1 + (long)soak_random(nr - 1);
		}
	}
	return 0;
}

long __wrap_syscall(long number, ...)
{
	long arguments[6];
	long ret = 0;
	va_list list;
	int i;

	va_start(list, number);
	for (i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_io_submit)
		ret = submit(arguments);
#ifdef SYS_io_getevents
	else if (number == SYS_io_getevents && arguments[1] &&
		 !soak_random(256))
		ret = fail(EINTR);
#endif
	return ret ? ret
		   : __real_syscall(number, arguments[0], arguments[1],
				    arguments[2], arguments[3], arguments[4],
				    arguments[5]);
}

static void *counted(void *memory)
{
	if (memory)
		COUNT_UP(allocations);
	return memory;
}

void *__wrap_calloc(size_t nr, size_t size)
{
	return counted(__real_calloc(nr, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return counted(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *memory)
{
	if (memory)
		__atomic_sub_fetch(&soak_counts.allocations, 1,
				   __ATOMIC_RELAXED);
	__real_free(memory);
}
