/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A case: a workload, and one or two faults in its system calls. A fault is a
 * call, which of them it is, counted from 1 in the whole process, and an
 * outcome, for once or from then on. It is written so:
 *
 *   io_submit:7=EAGAIN      the seventh io_submit fails
 *   io_getevents:2=1        the second one returns at most one event
 *   io_getevents:3=EPERM+   the third one fails, and all after it
 */
#ifndef FAULTCASE_H
#define FAULTCASE_H

#include <stdbool.h>
#include <stddef.h>

enum call {
	SETUP,
	DESTROY,
	SUBMIT,
	CANCEL,
	GETEVENTS,
	PGETEVENTS,
	EVENTFD,
	WRITE,
	READ,
	MADVISE,
	MMAP,
	MEMORY,
	FUTEX,
	NR_CALLS
};

#define FAULTS_MAX 2

struct fault {
	enum call call;
	unsigned position;
	int outcome; /* a positive errno; or a count, as -count */
	bool lasts;
};

/* A call that a run without faults made, and the most it can have returned. */
struct called {
	enum call call;
	unsigned position;
	unsigned count;
	bool probe; /* an io_submit of nothing: does the context exist? */
};

extern const char *const faultcase_calls[NR_CALLS];

/* What this call can return instead, into outcomes[OUTCOMES_MAX]; how many. */
#define OUTCOMES_MAX 24
size_t faultcase_outcomes(const struct called *called, int *outcomes);

/* Whether it makes sense that the call does this again and again. */
bool faultcase_can_last(enum call call, int outcome);

const char *faultcase_error(int error);
void faultcase_print(char *text, size_t size, const struct fault *fault);
bool faultcase_parse(const char *text, struct fault *fault);

#endif
