/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What the library gets when it calls the C library and the kernel. */
#define SEAM_ITSELF
#include "seam.h"

#include "kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

/* More is a loop without end: an input has some hundred calls. */
#define CALLS_MAX 200000

#define PID 4711

static long result(long ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

static unsigned eventfd_of(int fd)
{
	unsigned i = (unsigned)(fd - FD_EVENTFD);

	expect(i < EVENTFDS && kernel.eventfds[i].open, "bad eventfd");
	return i;
}

static long read_eventfd(int fd, uint64_t *value)
{
	unsigned i = eventfd_of(fd);

	if (!kernel.eventfds[i].count)
		return -EAGAIN;
	*value = kernel.eventfds[i].count;
	kernel.eventfds[i].count = 0;
	return sizeof(*value);
}

static long write_eventfd(int fd, const uint64_t *value)
{
	expect(*value == 1, "an eventfd gets something else than 1");
	kernel_raise(eventfd_of(fd));
	return sizeof(*value);
}

static void count_call(void)
{
	expect(++kernel.calls < CALLS_MAX, "a loop without end");
	kernel_look_at_head();
}

/* Not all calls have the same number of arguments. */
#define NEXT(type) va_arg(arguments, type)

static long io_call(long number, va_list arguments)
{
	unsigned long ctx;
	const struct timespec *timeout;
	struct kaio_event *events;
	struct kaio_iocb **iocbs;
	struct kaio_iocb *iocb;
	unsigned nr_events;
	long min;
	long nr;

	if (number == SYS_io_setup) {
		nr_events = NEXT(unsigned);
		return kernel_setup(nr_events, NEXT(unsigned long *));
	}
	ctx = NEXT(unsigned long);
	switch (number) {
	case SYS_io_destroy:
		return kernel_destroy(ctx);
	case SYS_io_submit:
		nr = NEXT(long);
		iocbs = NEXT(struct kaio_iocb **);
		return kernel_submit(ctx, nr, iocbs);
	case SYS_io_cancel:
		iocb = NEXT(struct kaio_iocb *);
		return kernel_cancel(ctx, iocb);
	case SYS_io_getevents:
	case SYS_io_pgetevents:
		min = NEXT(long);
		nr = NEXT(long);
		events = NEXT(struct kaio_event *);
		timeout = NEXT(const struct timespec *);
		return kernel_getevents(ctx, min, nr, events, timeout,
					number == SYS_io_getevents
						? kernel.getevents_error
						: kernel.pgetevents_error);
	}
	fail("unknown system call");
}

long seam_syscall(long number, ...)
{
	va_list arguments;
	long ret;
	int fd;

	count_call();
	va_start(arguments, number);
	if (number == SYS_read) {
		fd = NEXT(int);
		ret = read_eventfd(fd, NEXT(uint64_t *));
	} else if (number == SYS_write) {
		fd = NEXT(int);
		ret = write_eventfd(fd, NEXT(const uint64_t *));
	} else {
		ret = io_call(number, arguments);
	}
	va_end(arguments);
	return result(ret);
}

/* A thread that spins gives the device time. */
int seam_clock_gettime(clockid_t clock, struct timespec *time)
{
	expect(clock == CLOCK_MONOTONIC, "another clock");
	count_call();
	kernel.clock += 50;
	if (kernel.clock % 1000 == 0)
		kernel_complete(0);
	time->tv_sec = kernel.clock / 1000000000;
	time->tv_nsec = kernel.clock % 1000000000;
	return 0;
}

/* From the heap, which has a red zone on both sides. */
void *seam_mmap(void *start, size_t size, int protection, int flags, int fd,
		off_t offset)
{
	void *memory =
		kernel.no_memory ? NULL : aligned_alloc(64, (size + 63) & -64);

	(void)start, (void)protection, (void)flags, (void)fd, (void)offset;
	if (!memory) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	kernel.allocations++;
	return memset(memory, 0, size);
}

int seam_munmap(void *start, size_t size)
{
	(void)size;
	seam_free(start);
	return 0;
}

int seam_madvise(void *start, size_t size, int advice)
{
	(void)start, (void)size, (void)advice;
	return kernel.no_madvise ? (int)result(-EINVAL) : 0;
}

void *seam_aligned_alloc(size_t alignment, size_t size)
{
	void *memory = kernel.no_memory ? NULL : aligned_alloc(alignment, size);

	kernel.allocations += memory != NULL;
	if (!memory)
		errno = ENOMEM;
	return memory;
}

void seam_free(void *memory)
{
	kernel.allocations -= memory != NULL;
	free(memory);
}

int seam_eventfd(unsigned count, int flags)
{
	unsigned i;

	expect(!count && flags == (EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
	for (i = 0; i < EVENTFDS && kernel.eventfds[i].open; i++)
		;
	if (kernel.no_eventfds || i == EVENTFDS)
		return (int)result(-EMFILE);
	kernel.eventfds[i].open = true;
	kernel.eventfds[i].count = 0;
	return FD_EVENTFD + (int)i;
}

int seam_close(int fd)
{
	kernel.eventfds[eventfd_of(fd)].open = false;
	return 0;
}

/* Only of eventfds, by signal_resfd(). */
int seam_poll(struct pollfd *fds, nfds_t nr, int timeout)
{
	expect(nr == 1 && !timeout, "poll waits");
	fds->revents = POLLOUT;
	return 1;
}

int seam_fstat(int fd, struct stat *status)
{
	memset(status, 0, sizeof(*status));
	if (fd == FD_BAD)
		return (int)result(-EBADF);
	status->st_mode = fd < FD_EVENTFD ? S_IFREG | 0600 : 0600;
	status->st_size = 1 << 20;
	return 0;
}

int seam_fcntl(int fd, int command)
{
	expect(command == F_GETFL, "fcntl changes something");
	if (fd == FD_BAD)
		return (int)result(-EBADF);
	return fd == FD_DIRECT ? O_RDWR | O_DIRECT : O_RDWR;
}

pid_t seam_getpid(void)
{
	return PID;
}

char *seam_secure_getenv(const char *name)
{
	static char one[] = "1";

	return kernel.no_ring && strcmp(name, "KAIO_NO_RING") == 0 ? one : NULL;
}

int seam_mutex_lock(pthread_mutex_t *mutex)
{
	(void)mutex;
	expect(!kernel.locked, "locks what it has locked");
	kernel.locked = true;
	return 0;
}

int seam_mutex_unlock(pthread_mutex_t *mutex)
{
	(void)mutex;
	expect(kernel.locked, "unlocks what is not locked");
	kernel.locked = false;
	return 0;
}

/* Nobody is there to wake it but the thread that it has interrupted. */
int seam_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	(void)cond, (void)mutex;
	fail("a sleep without end, for another thread");
}

int seam_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			const struct timespec *until)
{
	int64_t end = until->tv_sec * INT64_C(1000000000) + until->tv_nsec;

	(void)cond, (void)mutex;
	expect(kernel.locked, "waits without the lock");
	expect(kernel.in_getevents, "waits for another thread that is none");
	count_call();
	if (kernel.clock < end)
		kernel.clock = end;
	return ETIMEDOUT;
}
