/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * With --enable-coverage, linked in place of _exit(2): gcov writes what has run
 * at exit(3), and most children of tests do not end by that.
 */
#include <unistd.h>

void __gcov_dump(void);
void __gcov_reset(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));

void __wrap__exit(int status)
{
	__gcov_dump();
	/* A child of vfork(2) has its parent's memory. */
	__gcov_reset();
	__real__exit(status);
}
