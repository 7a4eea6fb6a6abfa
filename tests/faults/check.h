/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What must be true during a case and after it. All of it ends the process if
 * it is not. */
#ifndef CHECK_H
#define CHECK_H

#include <kaio.h>

#include <errno.h>
#include <stdbool.h>

/* What the parent shall print for this case. */
void check_name(const char *name);

__attribute__((format(printf, 1, 2), noreturn)) void
check_fail(const char *format, ...);

#define EXPECT(condition)                                           \
	do {                                                        \
		if (!(condition))                                   \
			check_fail("%s:%d: %s", __FILE__, __LINE__, \
				   #condition);                     \
	} while (0)

/* A value of errno that no system call gives. */
#define UNTOUCHED 4711

/* What a function of the library returns: errno is as it was, and the lock of
 * the queue that is watched is free. */
#define CALL(call) (errno = UNTOUCHED, check_returned((int)(call), #call))
int check_returned(int result, const char *call);

/* By one thread, so that nobody else may have the lock. NULL: no queue. */
void check_watch_lock(struct kaio_queue *queue);

/* Nobody uses the queue: no locks, no sleepers, no reaper. */
void check_unused(struct kaio_queue *queue);

/* Opens what workloads need; what there is then is all there is after them. */
void check_open(void);
void check_nothing_left(unsigned contexts);

#endif
