/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Cases in children of their own, some at a time. */
#ifndef CASES_H
#define CASES_H

#include "faultcase.h"
#include "seam.h"

struct workload {
	const char *name;
	void (*run)(void);
	bool ring;
};

struct tally {
	unsigned long cases; /* that came to all their faults */
	unsigned long failed;
	unsigned long not_reached;
};

/* A run without faults; false if it fails. */
bool cases_record(const struct workload *workload, struct seam_log *log);

/* Begins one, and waits only while there are too many. */
void cases_start(const struct workload *workload, const struct fault *faults,
		 size_t nr);

/* Until all have ended: what came of them since the last time. */
struct tally cases_wait(void);

/* How many at a time, and what the seed was, for the lines that tell failures.
 */
extern unsigned cases_jobs;
extern unsigned cases_seed;

#endif
