/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Included before every file of the library: what it asks of the C library and
 * of the kernel goes to seam.c. By macros and not by the linker, because the
 * fuzzer and the sanitizers, which are in the same program, call these, too.
 */
#ifndef SEAM_H
#define SEAM_H

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

long seam_syscall(long number, ...);
int seam_clock_gettime(clockid_t clock, struct timespec *time);
void *seam_mmap(void *start, size_t size, int protection, int flags, int fd,
		off_t offset);
int seam_munmap(void *start, size_t size);
int seam_madvise(void *start, size_t size, int advice);
void *seam_aligned_alloc(size_t alignment, size_t size);
void seam_free(void *memory);
int seam_eventfd(unsigned count, int flags);
int seam_close(int fd);
int seam_poll(struct pollfd *fds, nfds_t nr, int timeout);
int seam_fstat(int fd, struct stat *status);
int seam_fcntl(int fd, int command);
pid_t seam_getpid(void);
char *seam_secure_getenv(const char *name);
int seam_mutex_lock(pthread_mutex_t *mutex);
int seam_mutex_unlock(pthread_mutex_t *mutex);
int seam_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int seam_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			const struct timespec *until);

#ifndef SEAM_ITSELF
#define syscall(...) seam_syscall(__VA_ARGS__)
#define clock_gettime(clock, time) seam_clock_gettime(clock, time)
#define mmap(start, size, protection, flags, fd, offset) \
	seam_mmap(start, size, protection, flags, fd, offset)
#define munmap(start, size) seam_munmap(start, size)
#define madvise(start, size, advice) seam_madvise(start, size, advice)
#define aligned_alloc(alignment, size) seam_aligned_alloc(alignment, size)
#define free(memory) seam_free(memory)
#define eventfd(count, flags) seam_eventfd(count, flags)
#define close(fd) seam_close(fd)
#define poll(fds, nr, timeout) seam_poll(fds, nr, timeout)
#define fstat(fd, status) seam_fstat(fd, status)
#define fcntl(fd, command) seam_fcntl(fd, command)
#define getpid() seam_getpid()
#define secure_getenv(name) seam_secure_getenv(name)
#define pthread_mutex_lock(mutex) seam_mutex_lock(mutex)
#define pthread_mutex_unlock(mutex) seam_mutex_unlock(mutex)
#define pthread_cond_wait(cond, mutex) seam_cond_wait(cond, mutex)
#define pthread_cond_timedwait(cond, mutex, until) \
	seam_cond_timedwait(cond, mutex, until)
#define pthread_cond_signal(cond) ((void)(cond))
#define pthread_cond_broadcast(cond) ((void)(cond))
#endif

#endif
