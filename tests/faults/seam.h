/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The faults of one case, between the library and the kernel; and what follows
 * from those that came to pass. Any thread may call all of it. */
#ifndef SEAM_H
#define SEAM_H

#include "faultcase.h"

#include <kaio.h>

/* What a run called, in order, for others to read. */
struct seam_log {
	unsigned nr;
	struct called calls[4096];
};

void seam_begin(const struct fault *faults, size_t nr, struct seam_log *log);

/* Faults that last are over. */
void seam_lift(void);

/* Whether the run came to every fault. */
bool seam_is_complete(void);

/* Whether this call has failed so. */
bool seam_failed(enum call call, int error);

/* The errno for which the kernel refused this operation alone; 0: it did not.
 */
int seam_refusal(const struct kaio_iocb *iocb);
void seam_forget_refusal(const struct kaio_iocb *iocb);

/* Whether operations may fail so because it lasts. */
bool seam_may_exhaust(int error);

/* Whether the library was told that the context does not exist. */
bool seam_is_gone(void);

/* What the kernel, or a fault, answered to this thread's last io_submit of
 * operations: a count is -1 if there was no fault. */
struct seam_answer {
	int error;
	int count;
};
extern _Thread_local struct seam_answer seam_submitted;

/* Bytes that the library has mapped. */
long seam_mapped(void);

/* No more faults, and the log is complete. */
void seam_end(void);

#endif
