/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Which call can fail how. */
#include "faultcase.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ERRORS_MAX 12

/* More short counts than that are alike. */
#define COUNTS_MAX 8

const char *const faultcase_calls[NR_CALLS] = {
	[SETUP] = "io_setup",
	[DESTROY] = "io_destroy",
	[SUBMIT] = "io_submit",
	[CANCEL] = "io_cancel",
	[GETEVENTS] = "io_getevents",
	[PGETEVENTS] = "io_pgetevents",
	[EVENTFD] = "eventfd",
	[WRITE] = "write",
	[READ] = "read",
	[MADVISE] = "madvise",
	[MMAP] = "mmap",
	[MEMORY] = "memory",
	[FUTEX] = "futex",
};

/*
 * What a kernel, or a seccomp policy, can answer. Of an eventfd: EAGAIN is a
 * full counter or an empty one, and only that, as it does not block.
 */
static const int errors[NR_CALLS][ERRORS_MAX] = {
	[SETUP] = { EAGAIN, ENOMEM, EINVAL, ENOSYS, EPERM, EFAULT, EINTR },
	[DESTROY] = { EINVAL, ENOSYS, EPERM },
	[SUBMIT] = { EAGAIN, EINVAL, EBADF, EFAULT, EINTR, ENOMEM, ENOSYS,
		     EPERM, EOPNOTSUPP, EOVERFLOW },
	[CANCEL] = { EAGAIN, EINVAL, EFAULT, ENOSYS, EPERM },
	[GETEVENTS] = { EINTR, EINVAL, EFAULT, ENOSYS, EPERM, ENOMEM },
	[PGETEVENTS] = { EINTR, EINVAL, EFAULT, ENOSYS, EPERM, ENOMEM },
	[EVENTFD] = { EMFILE, ENFILE, ENOMEM, EPERM },
	[WRITE] = { EAGAIN },
	[READ] = { EAGAIN },
	[MADVISE] = { EINVAL, ENOMEM, EAGAIN, EPERM },
	[MMAP] = { ENOMEM, EAGAIN, EPERM },
	[MEMORY] = { ENOMEM },
	[FUTEX] = { EAGAIN, EINTR },
};

static const struct {
	int error;
	const char *name;
} names[] = {
	{ EAGAIN, "EAGAIN" },	    { EBADF, "EBADF" },
	{ EFAULT, "EFAULT" },	    { EINTR, "EINTR" },
	{ EINVAL, "EINVAL" },	    { EMFILE, "EMFILE" },
	{ ENFILE, "ENFILE" },	    { ENOMEM, "ENOMEM" },
	{ ENOSYS, "ENOSYS" },	    { EOPNOTSUPP, "EOPNOTSUPP" },
	{ EOVERFLOW, "EOVERFLOW" }, { EPERM, "EPERM" },
};

size_t faultcase_outcomes(const struct called *called, int *outcomes)
{
	unsigned counts = called->count;
	size_t nr = 0;
	unsigned i;

	/* The kernel looks for the context, and at nothing else. */
	if (called->probe) {
		outcomes[nr++] = EINVAL;
		outcomes[nr++] = ENOSYS;
		outcomes[nr++] = EPERM;
		return nr;
	}
	for (i = 0; i < ERRORS_MAX && errors[called->call][i]; i++)
		outcomes[nr++] = errors[called->call][i];
	if (counts > COUNTS_MAX)
		counts = COUNTS_MAX;
	for (i = 0; i < counts; i++)
		outcomes[nr++] = -(int)i;
	return nr;
}

/*
 * Not a wait that finds nothing, which does not end; and no io_submit is
 * interrupted again and again: the kernel restarts it.
 */
bool faultcase_can_last(enum call call, int outcome)
{
	if (call == MEMORY || call == WRITE || call == READ || call == FUTEX)
		return false;
	if (call == SUBMIT)
		return outcome != EINTR;
	return outcome != 0;
}

const char *faultcase_error(int error)
{
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		if (names[i].error == error)
			return names[i].name;
	return "?";
}

void faultcase_print(char *text, size_t size, const struct fault *fault)
{
	const char *lasts = fault->lasts ? "+" : "";
	const char *name = faultcase_calls[fault->call];

	if (fault->outcome > 0)
		snprintf(text, size, "%s:%u=%s%s", name, fault->position,
			 faultcase_error(fault->outcome), lasts);
	else
		snprintf(text, size, "%s:%u=%d%s", name, fault->position,
			 -fault->outcome, lasts);
}

static bool parse_outcome(const char *text, struct fault *fault)
{
	size_t length = strcspn(text, "+");
	size_t i;

	fault->lasts = text[length] == '+';
	if (*text >= '0' && *text <= '9') {
		fault->outcome = -atoi(text);
		return true;
	}
	for (i = 0; i < COUNT(names); i++) {
		fault->outcome = names[i].error;
		if (strlen(names[i].name) == length &&
		    strncmp(text, names[i].name, length) == 0)
			return true;
	}
	return false;
}

bool faultcase_parse(const char *text, struct fault *fault)
{
	size_t length = strcspn(text, ":");
	char *end;
	int i;

	for (i = 0; i < NR_CALLS; i++)
		if (strlen(faultcase_calls[i]) == length &&
		    strncmp(text, faultcase_calls[i], length) == 0)
			break;
	if (i == NR_CALLS || text[length] != ':')
		return false;
	fault->call = (enum call)i;
	fault->position = (unsigned)strtoul(text + length + 1, &end, 10);
	return *end == '=' && parse_outcome(end + 1, fault);
}
