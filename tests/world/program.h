/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* A program that uses all that queues and transfers have, under a policy. */
#ifndef PROGRAM_H
#define PROGRAM_H

/*
 * The children assert nothing, for Check makes system calls of its own: they
 * end with the line that failed.
 */
#define MUST(condition)                  \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

/* Before the policy: a program's own calls are its own affair. It asserts. */
void program_open_files(void);

/* 0, or the line that failed. */
int program_use_all(void);

#endif
