/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * On 32-bit glibc this file defines kaio_getevents() and kaio_pgetevents() for
 * both widths of time_t, whatever the width in the rest of the library.
 */
#undef _TIME_BITS

#include "call.h"

#include <kaio/abi.h>

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As large as their members together: there is no padding. */
static_assert(sizeof(struct kaio_iocb) == 64, "struct iocb");
static_assert(sizeof(struct kaio_event) == 32, "struct io_event");

/*
 * A 32-bit architecture has io_getevents and io_pgetevents with a time of two
 * longs, or, if it is newer, only io_pgetevents_time64. x32 has the former two,
 * as x86-64 has them: times, pointers and sizes have 64 bits.
 */
#ifdef SYS_io_getevents
#ifdef SYS_io_pgetevents
#define PGETEVENTS SYS_io_pgetevents
#endif
#if defined(__x86_64__) && defined(__ILP32__)
#define KERNEL_TIME_MAX INT64_MAX
typedef int64_t kernel_time;
typedef uint64_t kernel_ulong;
#else
#define KERNEL_TIME_MAX LONG_MAX
typedef long kernel_time;
typedef unsigned long kernel_ulong;
#endif
#else
#define PGETEVENTS SYS_io_pgetevents_time64
#define KERNEL_TIME_MAX INT64_MAX
typedef int64_t kernel_time;
typedef unsigned long kernel_ulong;
#endif

struct kernel_timespec {
	kernel_time tv_sec;
	kernel_time tv_nsec;
};

struct wait {
	kaio_context_t ctx;
	long min_nr;
	long nr;
	struct kaio_event *events;
	bool timed;
	int64_t sec;
	int64_t nsec;
};

/* For a time that is not valid, read_events() would wait indefinitely. */
static bool to_kernel(const struct wait *wait, struct kernel_timespec *time)
{
	if (!wait->timed)
		return true;
	if (wait->sec < 0 || wait->nsec < 0 || wait->nsec >= 1000000000)
		return false;
	time->tv_sec = wait->sec <= KERNEL_TIME_MAX ? (kernel_time)wait->sec
						    : KERNEL_TIME_MAX;
	time->tv_nsec = (kernel_time)wait->nsec;
	return true;
}

/* io_getevents has no sixth argument, and ignores it. */
static __attribute__((noinline)) int
wait_events(long number, const struct wait *wait, const void *set)
{
	struct kernel_timespec time;
	int saved = errno;
	int nr;

	if (!to_kernel(wait, &time))
		return -EINVAL;
	nr = call_result(syscall(number, wait->ctx, wait->min_nr, wait->nr,
				 wait->events, wait->timed ? &time : NULL, set),
			 saved);
	if (nr > 0)
		KAIO_MSAN_WRITTEN(wait->events,
				  (size_t)nr * sizeof(*wait->events));
	return nr;
}

static int pgetevents(const struct wait *wait, const sigset_t *sigmask)
{
#ifdef PGETEVENTS
	const struct {
		kernel_ulong mask;
		kernel_ulong size; /* less than sizeof(sigset_t) */
	} set = { (uintptr_t)sigmask, _NSIG / 8 };

	return wait_events(PGETEVENTS, wait, &set);
#else
	(void)wait;
	(void)sigmask;
	return -ENOSYS;
#endif
}

static int getevents(const struct wait *wait)
{
#ifdef SYS_io_getevents
	return wait_events(SYS_io_getevents, wait, NULL);
#else
	return pgetevents(wait, NULL);
#endif
}

#define WAIT(timeout)                                                      \
	(&(const struct wait){ ctx, min_nr, nr, events, (timeout) != NULL, \
			       (timeout) ? (timeout)->tv_sec : 0,          \
			       (timeout) ? (timeout)->tv_nsec : 0 })

int kaio_getevents(kaio_context_t ctx, long min_nr, long nr,
		   struct kaio_event *events, const struct timespec *timeout)
{
	return getevents(WAIT(timeout));
}

int kaio_pgetevents(kaio_context_t ctx, long min_nr, long nr,
		    struct kaio_event *events, const struct timespec *timeout,
		    const sigset_t *sigmask)
{
	return pgetevents(WAIT(timeout), sigmask);
}

#if defined(__TIMESIZE) && __TIMESIZE == 32
/* Declared nowhere: include/kaio/abi.h redirects to their names. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC visibility push(default)
int kaio_getevents_time64(kaio_context_t ctx, long min_nr, long nr,
			  struct kaio_event *events,
			  const struct timespec64 *timeout)
{
	return getevents(WAIT(timeout));
}

int kaio_pgetevents_time64(kaio_context_t ctx, long min_nr, long nr,
			   struct kaio_event *events,
			   const struct timespec64 *timeout,
			   const sigset_t *sigmask)
{
	return pgetevents(WAIT(timeout), sigmask);
}
#pragma GCC visibility pop
#endif

int kaio_setup(unsigned nr_events, kaio_context_t *ctx)
{
	int saved = errno;

	return call_result(syscall(SYS_io_setup, nr_events, ctx), saved);
}

int kaio_destroy(kaio_context_t ctx)
{
	int saved = errno;

	return call_result(syscall(SYS_io_destroy, ctx), saved);
}

int kaio_submit(kaio_context_t ctx, long nr, struct kaio_iocb *const *iocbs)
{
	int saved = errno;

	return call_result(syscall(SYS_io_submit, ctx, nr, iocbs), saved);
}

int kaio_cancel(kaio_context_t ctx, struct kaio_iocb *iocb,
		struct kaio_event *event)
{
	int saved = errno;

	return call_result(syscall(SYS_io_cancel, ctx, iocb, event), saved);
}
