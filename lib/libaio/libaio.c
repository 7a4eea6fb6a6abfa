/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* libaio's functions, with the results of libaio 0.3.113. */
#include "abi.h"

#include "call.h"
#include "collect.h"
#include "registry.h"

#include <errno.h>
#include <stddef.h>

#pragma GCC visibility push(default)
#include <kaio-libaio/libaio.h>

int io_queue_wait(io_context_t ctx, struct timespec *timeout);
#pragma GCC visibility pop

/* Of the functions below that the header does not declare. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

_Static_assert(sizeof(struct iocb) == sizeof(struct kaio_iocb), "struct iocb");
_Static_assert(sizeof(struct io_event) == sizeof(struct kaio_event),
	       "struct io_event");

/*
 * The old versions, for programs that were linked with libaio before 2003. The
 * static library has none.
 */
#if defined(SYMBOL_VERSIONS) && defined(PIC)
#define OLD_VERSIONS
#endif

int io_setup(int maxevents, io_context_t *ctxp)
{
	int ret = kaio_setup((unsigned)maxevents, (kaio_context_t *)ctxp);

	if (ret == 0)
		kaio_registry_add((kaio_context_t)*ctxp);
	return ret;
}

int io_destroy(io_context_t ctx)
{
	bool known = kaio_registry_remove((kaio_context_t)ctx);
	int ret = kaio_destroy((kaio_context_t)ctx);

	if (ret == 0 && !known)
		kaio_registry_recheck_all();
	return ret;
}

int io_submit(io_context_t ctx, long nr, struct iocb *ios[])
{
	int ret = kaio_submit((kaio_context_t)ctx, nr,
			      (struct kaio_iocb *const *)ios);

	kaio_registry_learn(kaio_registry_find((kaio_context_t)ctx),
			    (kaio_context_t)ctx, ret);
	return ret;
}

int io_cancel(io_context_t ctx, struct iocb *iocb, struct io_event *evt)
{
	return kaio_cancel((kaio_context_t)ctx, (struct kaio_iocb *)iocb,
			   (struct kaio_event *)evt);
}

/*
 * The kernel adds both parts without a check for overflow, and waits
 * indefinitely for a negative sum or one out of its range. libaio answers by
 * itself only if both parts are 0, not if their sum is.
 */
static int64_t in_ns(int64_t sec, int64_t nsec)
{
	const int64_t second = 1000000000;
	int64_t ns;

	if (sec >= INT64_MAX / second)
		return FOREVER;
	ns = (int64_t)((uint64_t)sec * (uint64_t)second + (uint64_t)nsec);
	return ns == 0 && sec ? 1 : ns;
}

#define IN_NS(timeout) \
	((timeout) ? in_ns((timeout)->tv_sec, (timeout)->tv_nsec) : FOREVER)

static __attribute__((noinline)) int collect(io_context_t ctx, long min_nr,
					     long nr, struct io_event *events,
					     const struct timespec *timeout,
					     const sigset_t *sigmask)
{
	return kaio_collect((kaio_context_t)ctx, min_nr, nr,
			    (struct kaio_event *)events, IN_NS(timeout),
			    sigmask);
}

int io_getevents(io_context_t ctx, long min_nr, long nr,
		 struct io_event *events, struct timespec *timeout)
{
	return collect(ctx, min_nr, nr, events, timeout, NULL);
}

int io_pgetevents(io_context_t ctx, long min_nr, long nr,
		  struct io_event *events, struct timespec *timeout,
		  sigset_t *sigmask)
{
	return collect(ctx, min_nr, nr, events, timeout, sigmask);
}

#if defined(__TIMESIZE) && __TIMESIZE == 32
#pragma GCC visibility push(default)
int io_getevents_time64(io_context_t ctx, long min_nr, long nr,
			struct io_event *events, struct timespec64 *timeout)
{
	return kaio_collect((kaio_context_t)ctx, min_nr, nr,
			    (struct kaio_event *)events, IN_NS(timeout), NULL);
}

int io_pgetevents_time64(io_context_t ctx, long min_nr, long nr,
			 struct io_event *events, struct timespec64 *timeout,
			 sigset_t *sigmask)
{
	return kaio_collect((kaio_context_t)ctx, min_nr, nr,
			    (struct kaio_event *)events, IN_NS(timeout),
			    sigmask);
}
#pragma GCC visibility pop
#endif

int io_queue_init(int maxevents, io_context_t *ctxp)
{
	if (maxevents <= 0)
		return -EINVAL;
	*ctxp = NULL;
	return io_setup(maxevents, ctxp);
}

int io_queue_release(io_context_t ctx)
{
	return io_destroy(ctx);
}

/* Despite its name it does not wait: min_nr = 0, nr = 0. */
int io_queue_wait(io_context_t ctx, struct timespec *timeout)
{
	return collect(ctx, 0, 0, NULL, timeout, NULL);
}

int io_queue_run(io_context_t ctx)
{
	struct io_event event;
	int ret;

	while ((ret = kaio_collect((kaio_context_t)ctx, 0, 1,
				   (struct kaio_event *)&event, 0, NULL)) ==
	       1) {
		io_callback_t callback;

		memcpy(&callback, &event.data, sizeof(callback));
		callback(ctx, event.obj, (long)event.res, (long)event.res2);
	}
	return ret;
}

#ifdef OLD_VERSIONS
#if defined(__has_attribute)
#if __has_attribute(symver)
#define OLD(symbol) __attribute__((symver(symbol)))
#endif
#endif
#ifdef OLD
#define OLD_NAME(function, symbol)
#else
#define OLD(symbol) __attribute__((used))
#define OLD_NAME(function, symbol) __asm__(".symver " function ", " symbol);
#endif

#pragma GCC visibility push(default)
OLD_NAME("kaio_old_cancel", "io_cancel@LIBAIO_0.1")
OLD("io_cancel@LIBAIO_0.1")
int kaio_old_cancel(io_context_t ctx, struct iocb *iocb)
{
	struct io_event event;

	return io_cancel(ctx, iocb, &event);
}

OLD_NAME("kaio_old_getevents", "io_getevents@LIBAIO_0.1")
OLD("io_getevents@LIBAIO_0.1")
int kaio_old_getevents(io_context_t ctx, long nr, struct io_event *events,
		       const struct timespec *timeout)
{
	return collect(ctx, 1, nr, events, timeout, NULL);
}

OLD_NAME("kaio_old_queue_wait", "io_queue_wait@LIBAIO_0.1")
OLD("io_queue_wait@LIBAIO_0.1")
int kaio_old_queue_wait(io_context_t ctx, const struct timespec *timeout)
{
	return collect(ctx, 0, 0, NULL, timeout, NULL);
}
#pragma GCC visibility pop
#endif
