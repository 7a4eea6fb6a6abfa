/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Faults in the system calls that the library makes, and in its memory. A
 * program that is linked with AM_LDFLAGS of Makefile.am has its calls go
 * through here.
 *
 * Nothing happens by itself: calls go on to the kernel, and are counted. All of
 * it is the calling thread's own, so that it orders no threads among each
 * other; except what is said to be the process's.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <kaio.h>

#include <stdbool.h>
#include <stddef.h>

/* No faults, and nothing counted: how each test begins. */
void faults_reset(void);

/* Makes the next calls with this number fail with a positive errno. */
void faults_fail(long number, int error, unsigned times);

/* Lets so many calls with this number pass, and makes the next one fail. */
void faults_fail_after(long number, unsigned after, int error);

/*
 * What the next io_submits with operations shall do. A positive number: let the
 * kernel have that many of them at most. 0 or a negative errno: return it, and
 * let the kernel have none. After the last, all goes to the kernel again.
 */
void faults_script_submit(const int *results, size_t nr);

/* Every io_submit and io_getevents is -EINVAL, as on a destroyed context. */
void faults_destroy_context(bool dead);

/* Runs before each io_getevents goes to the kernel; NULL for nothing. */
void faults_before_getevents(void (*hook)(void));

/* Whether the rings that io_setup makes are of another format. */
void faults_other_ring(bool other);

/* Changes what statx answers, as the words of a struct statx; NULL: nothing. */
void faults_edit_statx(void (*edit)(uint32_t *words));

/*
 * The process's: runs before each system call, eventfd(2) and madvise(2) among
 * them, in the thread that makes it, and makes it fail with the positive errno
 * that it returns; 0: it does not, and goes on with the arguments, which the
 * hook may have changed. NULL for nothing.
 */
void faults_before_call(int (*hook)(long number, long *arguments));

/* Whether it is an io_getevents that may wait. */
bool faults_may_sleep(long number, const long *arguments);

/* The process's: how many threads are in such a call now; and all calls. */
unsigned faults_sleepers(void);
unsigned long faults_calls_of_all(void);

/* How often the thread looked at the clock. */
extern _Thread_local unsigned faults_clock_reads;

/* io_setup gets this in place of what the library asks for; 0: no change. */
void faults_setup_size(unsigned nr_events);

/* madvise(2) knows nothing, as on old kernels and under gVisor. */
void faults_refuse_madvise(bool refuse);

/* The next allocation fails, so many after it; UINT_MAX: none does. */
void faults_fail_memory(unsigned after);

/* How many allocations there were; and how many of the library are left. */
extern long faults_allocations;
extern long faults_allocated;
/* eventfd(2) fails with a positive errno; 0: it does not. */
void faults_refuse_eventfd(int error);

/* The context that the library's last io_setup made. */
extern _Thread_local kaio_context_t faults_context;

/* How many calls with this number the library made. */
unsigned faults_calls(long number);

/* What the library gave its last call, after the number. */
extern _Thread_local long faults_arguments[6];

/* The operations that the kernel took, in order. */
extern _Thread_local struct kaio_iocb *faults_taken[];
extern _Thread_local size_t faults_nr_taken;

#endif
