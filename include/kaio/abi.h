/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The ABI layer: the kernel's structures and constants, and its system calls
 * under one rule for errors.
 *
 * A function of libkaio that can fail returns a value >= 0 or a negative errno
 * (kaio_cancel() always the latter). No function changes errno. Error codes of
 * the kernel pass through unchanged; those listed here are the kernel's unless
 * the text says otherwise. Where seccomp forbids a call, it chooses the code,
 * mostly EPERM or ENOSYS.
 */
#ifndef KAIO_ABI_H
#define KAIO_ABI_H

#include <stdint.h>
#include <sys/select.h> /* sigset_t, in strict ISO C too */
#include <time.h>

#ifdef __cplusplus
#define KAIO_BEGIN_DECLS                                   \
	_Pragma("GCC visibility push(default)") extern "C" \
	{
#define KAIO_END_DECLS \
	}              \
	_Pragma("GCC visibility pop")
#else
#define KAIO_BEGIN_DECLS _Pragma("GCC visibility push(default)")
#define KAIO_END_DECLS _Pragma("GCC visibility pop")
#endif

/* The library also exports the inline functions as symbols. */
#ifndef KAIO_INLINE
#define KAIO_INLINE static inline
#endif

/* Tells MemorySanitizer what the kernel wrote, which it cannot see. */
#ifdef __has_feature
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define KAIO_MSAN
#define KAIO_MSAN_WRITTEN(memory, size) __msan_unpoison(memory, size)
#endif
#endif
#ifndef KAIO_MSAN
#define KAIO_MSAN_WRITTEN(memory, size) ((void)(memory), (void)(size))
#endif

#define KAIO_VERSION_MAJOR 0
#define KAIO_VERSION_MINOR 1
#define KAIO_VERSION_PATCH 0
#define KAIO_VERSION "0.1.0"

KAIO_BEGIN_DECLS

struct timespec; /* strict C99 has none in <time.h> */

/*
 * A context, which holds operations in flight and their completions. 0 stands
 * for no context.
 */
typedef unsigned long kaio_context_t;

/*
 * One operation: the kernel's struct iocb, whose members have the prefix aio_.
 * The functions of <kaio/prep.h> fill it in.
 */
struct kaio_iocb {
	uint64_t data; /* the caller's; returned in the event */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	int32_t rw_flags;
	uint32_t key;
#else
	uint32_t key;	  /* written by the kernel at submission */
	int32_t rw_flags; /* KAIO_RWF_*; 0 for a poll */
#endif
	uint16_t lio_opcode; /* KAIO_OP_* */
	int16_t reqprio;     /* KAIO_IOPRIO(), with KAIO_IOCB_IOPRIO */
	uint32_t fildes;
	uint64_t buf;	 /* buffer, iovec array, or events of a poll */
	uint64_t nbytes; /* bytes, or number of iovecs */
	int64_t offset;	 /* in the file, in bytes */
	uint64_t reserved2;
	uint32_t flags; /* KAIO_IOCB_* */
	uint32_t resfd; /* an eventfd, with KAIO_IOCB_RESFD */
};

/* One completion: the kernel's struct io_event, with signed results. */
struct kaio_event {
	uint64_t data; /* the operation's data */
	uint64_t obj;  /* the operation's address */
	int64_t res;   /* bytes moved, events of a poll, 0, or -errno */
	int64_t res2;  /* 0, except for USB gadgets */
};

enum kaio_opcode {
	KAIO_OP_PREAD = 0,
	KAIO_OP_PWRITE = 1,
	KAIO_OP_FSYNC = 2,  /* since Linux 4.18 */
	KAIO_OP_FDSYNC = 3, /* since Linux 4.18 */
	KAIO_OP_POLL = 5,   /* since Linux 4.19 */
	KAIO_OP_PREADV = 7,
	KAIO_OP_PWRITEV = 8
};

enum kaio_iocb_flags {
	KAIO_IOCB_RESFD = 1 << 0, /* the completion signals eventfd resfd */
	KAIO_IOCB_IOPRIO = 1 << 1 /* reqprio is used; since Linux 4.18 */
};

/* RWF_* of preadv2(2) and pwritev2(2); in AIO since Linux 4.13. */
enum kaio_rwf {
	KAIO_RWF_HIPRI = 0x001,
	KAIO_RWF_DSYNC = 0x002,
	KAIO_RWF_SYNC = 0x004,
	KAIO_RWF_NOWAIT = 0x008,
	KAIO_RWF_APPEND = 0x010,    /* since Linux 4.16 */
	KAIO_RWF_NOAPPEND = 0x020,  /* since Linux 6.9 */
	KAIO_RWF_ATOMIC = 0x040,    /* since Linux 6.11 */
	KAIO_RWF_DONTCACHE = 0x080, /* since Linux 6.14 */
	KAIO_RWF_NOSIGNAL = 0x100   /* since Linux 6.18 */
};

enum kaio_ioprio_class {
	KAIO_IOPRIO_CLASS_NONE = 0,
	KAIO_IOPRIO_CLASS_RT = 1,
	KAIO_IOPRIO_CLASS_BE = 2,
	KAIO_IOPRIO_CLASS_IDLE = 3
};

/* An I/O priority for kaio_iocb_set_ioprio(): a class and a level, 0 to 7. */
#define KAIO_IOPRIO(class, level) ((class) << 13 | (level))

/**
 * kaio_version - return the version of the library
 *
 * KAIO_VERSION is the version of the header.
 *
 * Return: "major.minor.patch", constant.
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
const char *kaio_version(void);

/**
 * kaio_setup - create a context
 * @nr_events: how many operations must fit in flight, 1 to 4194304
 * @ctx: must hold 0; receives the handle, to be passed to kaio_destroy()
 *
 * The context has room for at least @nr_events operations, in practice for more
 * than twice as many. @nr_events counts against fs.aio-max-nr, a limit of the
 * whole system, until the context is destroyed.
 *
 * Return: 0, or a negative errno:
 * -EFAULT: @ctx cannot be read or written
 * -EINVAL: @ctx does not hold 0, or @nr_events is out of range
 * -EAGAIN: fs.aio-max-nr would be exceeded
 * -ENOMEM: the kernel is out of memory
 * -EINTR: a fatal signal arrived
 * -ENOSYS: the kernel was built without AIO, or seccomp forbids AIO
 * -EPERM: seccomp forbids AIO
 * Context: may block for memory; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_setup(unsigned nr_events, kaio_context_t *ctx);

/**
 * kaio_destroy - destroy a context
 * @ctx: the context
 *
 * Polls in flight are cancelled, and it waits for all other operations: when it
 * returns, the kernel no longer uses their buffers. Completions that were not
 * collected are lost. Threads in kaio_getevents() return -EINVAL; a thread that
 * reads the context's ring at that moment is killed by SIGSEGV. It takes tens
 * of milliseconds even when nothing is in flight.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: there is no such context in this process
 * Context: blocks; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_destroy(kaio_context_t ctx);

/**
 * kaio_submit - submit operations
 * @ctx: the context
 * @nr: how many, >= 0; the kernel reduces it to the size of the context
 * @iocbs: the operations, in order; not NULL unless @nr is 0
 *
 * One io_submit(2), with its true count: fewer than @nr means that the kernel
 * stopped at an operation that it did not accept; submit the rest again to get
 * its error. Operations that were accepted are copied, with their iovecs; their
 * buffers belong to the kernel until the completion. Most errors of reading and
 * writing are not returned here but in the completion's res.
 *
 * SIGXFSZ, for a write beyond RLIMIT_FSIZE, and SIGPIPE are sent to the thread
 * that submits the operation.
 *
 * With @nr 0 it only tests whether the context exists.
 *
 * Return: how many were accepted, at least 1 unless @nr is 0; or, when none
 * was, the error of the first, as a negative errno:
 * -EAGAIN: no room until completions are collected, or no memory
 * -EBADF: bad file descriptor, or not open for reading or for writing; or
 *	resfd is a bad file descriptor
 * -EFAULT: the array, the operation, or its iovecs cannot be read; or the
 *	operation cannot be written
 * -EINVAL: no such context, or @nr is negative; or the operation has reserved
 *	members set, an unknown opcode, a bad offset, size or priority, more
 *	than 1024 iovecs, a file that cannot do it, or a resfd that is no
 *	eventfd
 * -ENOMEM: no memory for the iovecs
 * -EOPNOTSUPP: rw_flags that the kernel or the file does not know
 * -EPERM: the process may not use the priority's class; or seccomp forbids the
 *	call
 * -ENOSYS: the kernel was built without AIO
 * Context: may block, for as long as the I/O takes, where the file does not do
 * it asynchronously: buffered files, pipes, writes that extend a file;
 * thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_submit(kaio_context_t ctx, long nr, struct kaio_iocb *const *iocbs);

/**
 * kaio_cancel - cancel a poll in flight
 * @ctx: the context
 * @iocb: the operation, at the address it was submitted from, with the key
 *	that the kernel wrote
 * @event: not written by any kernel since 3.10; may be NULL
 *
 * Only polls can be cancelled (and requests to USB gadgets). The kernel returns
 * -EINPROGRESS for success: a completion with res 0 follows, to be collected as
 * usual.
 *
 * Return: a negative errno:
 * -EINPROGRESS: it is cancelled
 * -EINVAL: no such context, or no such poll in flight
 * -EFAULT: @iocb cannot be read
 * -ENOSYS: the kernel was built without AIO
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_cancel(kaio_context_t ctx, struct kaio_iocb *iocb,
		struct kaio_event *event);

/**
 * kaio_getevents - collect completions
 * @ctx: the context
 * @min_nr: wait until there are so many, 0 to @nr; 0 does not wait
 * @nr: room in @events
 * @events: receives the completions
 * @timeout: how long to wait, from the call; NULL waits indefinitely
 *
 * Uses io_getevents(2), never io_pgetevents(2), where the architecture has it.
 * The library itself returns -EINVAL for a negative timeout or a tv_nsec of
 * 10^9 or more, for which the kernel would wait indefinitely.
 *
 * Return: how many were collected, fewer than @min_nr when it timed out or was
 * interrupted by a signal; or a negative errno:
 * -EINVAL: no such context, or it was destroyed meanwhile; @min_nr or @nr out
 *	of range; or @timeout is not valid
 * -EFAULT: @events cannot be written; nothing is lost
 * -EINTR: interrupted by a signal, or by other work of the kernel for this
 *	thread, with nothing to collect; SA_RESTART has no effect
 * -ENOSYS: the kernel was built without AIO
 * -EPERM: seccomp forbids the call
 * Context: blocks; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_getevents(kaio_context_t ctx, long min_nr, long nr,
		   struct kaio_event *events, const struct timespec *timeout);

/**
 * kaio_pgetevents - collect completions under another signal mask
 * @ctx: the context
 * @min_nr: wait until there are so many, 0 to @nr; 0 does not wait
 * @nr: room in @events
 * @events: receives the completions
 * @timeout: how long to wait, from the call; NULL waits indefinitely
 * @sigmask: the signals blocked during the call; NULL changes nothing
 *
 * As kaio_getevents(), with @sigmask in place of the thread's signal mask
 * during the call, atomically. Since Linux 4.18.
 *
 * Return: how many were collected, fewer than @min_nr when it timed out or was
 * interrupted by a signal; or a negative errno:
 * -EINVAL: no such context, or it was destroyed meanwhile; @min_nr or @nr out
 *	of range; or @timeout is not valid
 * -EFAULT: @events cannot be written, or @sigmask not read; nothing is lost
 * -EINTR: interrupted by a signal, or by other work of the kernel for this
 *	thread, with nothing to collect; SA_RESTART has no effect
 * -ENOSYS: the kernel or the architecture does not have io_pgetevents(2)
 * -EPERM: seccomp forbids the call, as old container profiles do
 * Context: blocks; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_pgetevents(kaio_context_t ctx, long min_nr, long nr,
		    struct kaio_event *events, const struct timespec *timeout,
		    const sigset_t *sigmask);

/*
 * Programs for 32-bit glibc choose the width of time_t; the library has these
 * two functions for both widths.
 */
#if defined(__USE_TIME_BITS64) && defined(__TIMESIZE) && __TIMESIZE == 32
int kaio_getevents(
	kaio_context_t ctx, long min_nr, long nr, struct kaio_event *events,
	const struct timespec *timeout) __asm__("kaio_getevents_time64");
int kaio_pgetevents(kaio_context_t ctx, long min_nr, long nr,
		    struct kaio_event *events, const struct timespec *timeout,
		    const sigset_t *sigmask) __asm__("kaio_pgetevents_time64");
#endif

KAIO_END_DECLS

#endif
