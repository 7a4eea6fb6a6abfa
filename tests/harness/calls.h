/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Calls of the ABI layer, as most of its tests make them. */
#ifndef CALLS_H
#define CALLS_H

#include "harness.h"

#include <kaio.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* A value of errno that no system call gives. */
#define UNTOUCHED 4711

/* What a function of the library returns; errno must be as it was. */
#define CALL(call) (errno = UNTOUCHED, errno_is_untouched((int)(call)))

static inline int errno_is_untouched(int result)
{
	ck_assert_int_eq(errno, UNTOUCHED);
	return result;
}

#define ck_assert_call(call, result) ck_assert_int_eq(CALL(call), (result))

static inline kaio_context_t new_context(unsigned nr_events)
{
	kaio_context_t ctx = 0;

	ck_assert_call(kaio_setup(nr_events, &ctx), 0);
	ck_assert(ctx != 0);
	return ctx;
}

static inline int submit(kaio_context_t ctx, struct kaio_iocb *iocb)
{
	return CALL(kaio_submit(ctx, 1, &iocb));
}

/* Submits an operation that the kernel takes, and waits for its event. */
static inline struct kaio_event complete(kaio_context_t ctx,
					 struct kaio_iocb *iocb)
{
	struct kaio_event event;

	ck_assert_int_eq(submit(ctx, iocb), 1);
	ck_assert_call(kaio_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_ptr_eq(kaio_event_iocb(&event), iocb);
	ck_assert_uint_eq(event.data, iocb->data);
	ck_assert_int_eq(event.res2, 0);
	return event;
}

/* An empty file on what is, if possible, a disk; gone with its descriptor. */
static inline int new_file(void)
{
	const char *dir = getenv("TMPDIR");
	char name[4096];
	int fd;

	snprintf(name, sizeof(name), "%s/kaio-XXXXXX", dir ? dir : "/var/tmp");
	fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	ck_assert_ok(unlink(name));
	return fd;
}

static inline size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* A page that the kernel can reach with this protection only. */
static inline void *page(int protection)
{
	void *memory = mmap(NULL, page_size(), protection,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	return memory;
}

/* Slots are handed out per CPU: on one, what is free can be had. */
static inline void stay_on_this_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	ck_assert_ok(sched_setaffinity(0, sizeof(set), &set));
}

#endif
