/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "faults.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#define NUMBERS 1024
#define TAKEN 65536

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_madvise(void *start, size_t length, int advice);
int __wrap_madvise(void *start, size_t length, int advice);
int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

_Thread_local kaio_context_t faults_context;
_Thread_local long faults_arguments[6];
_Thread_local struct kaio_iocb *faults_taken[TAKEN];
_Thread_local size_t faults_nr_taken;
_Thread_local unsigned faults_clock_reads;

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
static _Thread_local bool other_ring;
static int (*before_call)(long number, long *arguments);
static unsigned sleepers;
static unsigned long calls_of_all;

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
	other_ring = false;
	faults_before_call(NULL);
	faults_clock_reads = 0;
	faults_fail_memory(UINT_MAX);
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

void faults_other_ring(bool other)
{
	other_ring = other;
}

void faults_edit_statx(void (*edit)(uint32_t *words))
{
	edit_statx = edit;
}

void faults_before_call(int (*hook)(long number, long *arguments))
{
	__atomic_store_n(&before_call, hook, __ATOMIC_RELEASE);
}

bool faults_may_sleep(long number, const long *arguments)
{
	const struct timespec *timeout = (const struct timespec *)arguments[4];

#ifdef SYS_io_pgetevents
	if (number == SYS_io_pgetevents)
		number = SYS_io_getevents;
#endif
	return number == SYS_io_getevents && arguments[1] > 0 &&
	       (!timeout || timeout->tv_sec || timeout->tv_nsec);
}

unsigned faults_sleepers(void)
{
	return __atomic_load_n(&sleepers, __ATOMIC_ACQUIRE);
}

unsigned long faults_calls_of_all(void)
{
	return __atomic_load_n(&calls_of_all, __ATOMIC_RELAXED);
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

static int run_hook(long number, long *arguments)
{
	int (*hook)(long number, long *arguments) =
		__atomic_load_n(&before_call, __ATOMIC_ACQUIRE);

	return hook ? hook(number, arguments) : 0;
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

static long call(long number, const long *a)
{
	bool sleeps = faults_may_sleep(number, a);
	long ret;

	if (sleeps)
		__atomic_add_fetch(&sleepers, 1, __ATOMIC_RELEASE);
	ret = __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (sleeps)
		__atomic_sub_fetch(&sleepers, 1, __ATOMIC_RELEASE);
	return ret;
}

/* Not all calls have six arguments. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
	va_list arguments;
	long a[6];
	long ret;
	int error;
	size_t i;

	va_start(arguments, number);
	for (i = 0; i < 6; i++)
		faults_arguments[i] = a[i] = va_arg(arguments, long);
	va_end(arguments);

	calls[number]++;
	__atomic_add_fetch(&calls_of_all, 1, __ATOMIC_RELAXED);
	error = run_hook(number, a);
	if (error)
		return fail(error);
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
		if (ret == 0 && other_ring)
			((struct kaio_ring_header *)faults_context)->magic++;
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
	return call(number, a);
}

int __wrap_madvise(void *start, size_t length, int advice)
{
	long a[] = { (long)start, (long)length, advice };
	int error = madvise_refused ? EINVAL : run_hook(SYS_madvise, a);

	if (error)
		return (int)fail(error);
	return __real_madvise(start, length, advice);
}

int __wrap_eventfd(unsigned count, int flags)
{
	long a[] = { (long)count, flags };
	int error = eventfd_error ? eventfd_error : run_hook(SYS_eventfd2, a);

	if (error)
		return (int)fail(error);
	return __real_eventfd(count, flags);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	faults_clock_reads++;
	return __real_clock_gettime(clock, time);
}
