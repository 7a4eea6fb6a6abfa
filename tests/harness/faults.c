/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "faults.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

#define NUMBERS 1024
#define TAKEN 65536

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_madvise(void *start, size_t length, int advice);
int __wrap_madvise(void *start, size_t length, int advice);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t nr, size_t size);
void *__wrap_calloc(size_t nr, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);

_Thread_local kaio_context_t faults_context;
_Thread_local long faults_arguments[6];
_Thread_local struct kaio_iocb *faults_taken[TAKEN];
_Thread_local size_t faults_nr_taken;

long faults_allocations;
long faults_allocated;

static void *live[TAKEN];
static size_t live_end;
static unsigned memory_left; /* allocations to the one that fails; 0: none */
static _Thread_local unsigned calls[NUMBERS];
static _Thread_local struct {
	int error;
	unsigned times;
	unsigned after;
} failures[NUMBERS];
static _Thread_local const int *script;
static _Thread_local size_t script_left;
static _Thread_local bool context_dead;
static _Thread_local bool madvise_refused;
static _Thread_local int eventfd_error;
static _Thread_local unsigned setup_size;
static _Thread_local void (*before_getevents)(void);
static _Thread_local void (*edit_statx)(uint32_t *words);

void faults_reset(void)
{
	memset(calls, 0, sizeof(calls));
	memset(failures, 0, sizeof(failures));
	script_left = 0;
	context_dead = false;
	madvise_refused = false;
	eventfd_error = 0;
	setup_size = 0;
	before_getevents = NULL;
	edit_statx = NULL;
	memory_left = 0;
	faults_nr_taken = 0;
}

void faults_fail(long number, int error, unsigned times)
{
	failures[number].error = error;
	failures[number].times = times;
	failures[number].after = 0;
}

void faults_fail_after(long number, unsigned after, int error)
{
	faults_fail(number, error, 1);
	failures[number].after = after;
}

void faults_fail_memory(unsigned after)
{
	memory_left = after + 1;
}

void faults_script_submit(const int *results, size_t nr)
{
	script = results;
	script_left = nr;
}

void faults_destroy_context(bool dead)
{
	context_dead = dead;
}

void faults_refuse_madvise(bool refuse)
{
	madvise_refused = refuse;
}

void faults_refuse_eventfd(int error)
{
	eventfd_error = error;
}

void faults_before_getevents(void (*hook)(void))
{
	before_getevents = hook;
}

void faults_edit_statx(void (*edit)(uint32_t *words))
{
	edit_statx = edit;
}

void faults_setup_size(unsigned nr_events)
{
	setup_size = nr_events;
}

unsigned faults_calls(long number)
{
	return calls[number];
}

static long fail(int error)
{
	errno = error;
	return -1;
}

static long submit(long ctx, long nr, long iocbs)
{
	long ret;
	long i;

	if (nr > 0 && script_left) {
		int result = *script++;

		script_left--;
		if (result < 0)
			return fail(-result);
		if (result == 0)
			return 0;
		if (nr > result)
			nr = result;
	}
	ret = __real_syscall(SYS_io_submit, ctx, nr, iocbs);
	for (i = 0; i < ret && faults_nr_taken < TAKEN; i++)
		faults_taken[faults_nr_taken++] =
			((struct kaio_iocb **)iocbs)[i];
	return ret;
}

long __wrap_syscall(long number, ...)
{
	va_list arguments;
	long a[6];
	long ret;
	size_t i;

	va_start(arguments, number);
	for (i = 0; i < 6; i++)
		faults_arguments[i] = a[i] = va_arg(arguments, long);
	va_end(arguments);

	calls[number]++;
	if (failures[number].after) {
		failures[number].after--;
	} else if (failures[number].times) {
		failures[number].times--;
		return fail(failures[number].error);
	}
	if (context_dead &&
	    (number == SYS_io_submit || number == SYS_io_getevents))
		return fail(EINVAL);
	switch (number) {
	case SYS_io_submit:
		return submit(a[0], a[1], a[2]);
	case SYS_io_setup:
		if (setup_size)
			a[0] = setup_size;
		ret = __real_syscall(number, a[0], a[1]);
		if (ret == 0)
			faults_context = *(kaio_context_t *)a[1];
		return ret;
	case SYS_io_getevents:
		if (before_getevents)
			before_getevents();
		break;
	case SYS_statx:
		ret = __real_syscall(number, a[0], a[1], a[2], a[3], a[4]);
		if (ret == 0 && edit_statx)
			edit_statx((uint32_t *)a[4]);
		return ret;
	}
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __wrap_madvise(void *start, size_t length, int advice)
{
	if (madvise_refused)
		return (int)fail(EINVAL);
	return __real_madvise(start, length, advice);
}

static bool memory_fails(void)
{
	return memory_left && --memory_left == 0 && fail(ENOMEM);
}

/*
 * What the library has. Check allocates, too, by malloc(), and for each of its
 * assertions: that is counted, and not followed.
 */
static void *follow(void *memory)
{
	size_t i;

	for (i = 0; memory && i < TAKEN; i++) {
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

int __wrap_eventfd(unsigned count, int flags)
{
	if (eventfd_error)
		return (int)fail(eventfd_error);
	return __real_eventfd(count, flags);
}
