/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "faults.h"

#include <errno.h>

#define LIVE 65536

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

long faults_allocations;
long faults_allocated;

static void *live[LIVE];
static size_t live_end;
static unsigned memory_left; /* allocations to the one that fails; 0: none */

void faults_fail_memory(unsigned after)
{
	memory_left = after + 1;
}

static bool memory_fails(void)
{
	if (!memory_left || --memory_left)
		return false;
	errno = ENOMEM;
	return true;
}

/*
 * What the library has. Check allocates, too, by malloc(), and for each of its
 * assertions: that is counted, and not followed.
 */
static void *follow(void *memory)
{
	size_t i;

	for (i = 0; memory && i < LIVE; i++) {
		void *none = NULL;

		if (!__atomic_compare_exchange_n(&live[i], &none, memory, false,
						 __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
			continue;
		if (i >= __atomic_load_n(&live_end, __ATOMIC_RELAXED))
			__atomic_store_n(&live_end, i + 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&faults_allocated, 1, __ATOMIC_RELAXED);
		break;
	}
	return memory;
}

static void forget(void *memory)
{
	size_t i;

	for (i = 0; i < __atomic_load_n(&live_end, __ATOMIC_RELAXED); i++) {
		if (__atomic_load_n(&live[i], __ATOMIC_RELAXED) != memory)
			continue;
		__atomic_store_n(&live[i], NULL, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&faults_allocated, 1, __ATOMIC_RELAXED);
	}
}

void *__wrap_malloc(size_t size)
{
	__atomic_add_fetch(&faults_allocations, 1, __ATOMIC_RELAXED);
	return __real_malloc(size);
}

void *__wrap_calloc(size_t nr, size_t size)
{
	__atomic_add_fetch(&faults_allocations, 1, __ATOMIC_RELAXED);
	return memory_fails() ? NULL : follow(__real_calloc(nr, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	__atomic_add_fetch(&faults_allocations, 1, __ATOMIC_RELAXED);
	return memory_fails() ? NULL
			      : follow(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *memory)
{
	if (memory)
		forget(memory);
	__real_free(memory);
}
