/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* A seccomp filter, as containers have it, that refuses single system calls. */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>

/*
 * From now on, and in this process for ever, the system call with this number
 * returns -error. More than one can be refused. False where filters cannot be
 * had, or where the test would take the other tests with it.
 */
bool policy_refuse(long number, int error);

/* The same for every call that fstat(3) may be. */
bool policy_refuse_stat(int error);

#endif
