/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The ABI layer: the kernel's structures and constants, and its system calls
 * with nothing added but one error rule.
 *
 * Every function of libkaio returns a value >= 0, or a negative errno. The C
 * library's errno is left as it was. Error codes of the kernel pass through
 * unchanged; those listed here are the kernel's unless the text says otherwise,
 * and where seccomp or a container forbids a call its own code (EPERM, ENOSYS)
 * comes through too.
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

/* The library compiles the inline functions a second time, as symbols. */
#ifndef KAIO_INLINE
#define KAIO_INLINE static inline
#endif
/* The same, but where it is not inlined the library's symbol is called. */
#ifndef KAIO_EXTERN_INLINE
#define KAIO_EXTERN_INLINE extern inline __attribute__((__gnu_inline__))
#endif

#define KAIO_VERSION_MAJOR 0
#define KAIO_VERSION_MINOR 1
#define KAIO_VERSION_PATCH 0
#define KAIO_VERSION "0.1.0"

KAIO_BEGIN_DECLS

struct timespec; /* which <time.h> keeps from strict C99 */

/*
 * A context: where the kernel keeps operations in flight and their
 * completions. 0 is no context.
 */
typedef unsigned long kaio_context_t;

/*
 * One operation: the kernel's struct iocb, its members less their prefix.
 * The functions of <kaio/prep.h> fill it in.
 */
struct kaio_iocb {
	uint64_t data; /* the caller's; comes back in the event */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	int32_t rw_flags;
	uint32_t key;
#else
	uint32_t key;	  /* the kernel's, which writes it at submission */
	int32_t rw_flags; /* KAIO_RWF_*; or a poll's 0 */
#endif
	uint16_t lio_opcode; /* KAIO_OP_* */
	int16_t reqprio;     /* KAIO_IOPRIO(), under KAIO_IOCB_IOPRIO */
	uint32_t fildes;
	uint64_t buf;	 /* buffer, iovec array, or a poll's events */
	uint64_t nbytes; /* bytes, or number of iovecs */
	int64_t offset;	 /* in the file, in bytes */
	uint64_t reserved2;
	uint32_t flags; /* KAIO_IOCB_* */
	uint32_t resfd; /* an eventfd, under KAIO_IOCB_RESFD */
};

/* One completion: the kernel's struct io_event, its results signed. */
struct kaio_event {
	uint64_t data; /* the operation's data */
	uint64_t obj;  /* the operation's address */
	int64_t res;   /* bytes moved, poll's events, 0, or a negative errno */
	int64_t res2;  /* 0, but for USB gadgets */
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
	KAIO_IOCB_RESFD = 1 << 0, /* completion signals the eventfd resfd */
	KAIO_IOCB_IOPRIO = 1 << 1 /* reqprio counts; since Linux 4.18 */
};

/* RWF_* of preadv2(2) and pwritev2(2); AIO takes them since Linux 4.13. */
enum kaio_rwf {
	KAIO_RWF_HIPRI = 0x001,
	KAIO_RWF_DSYNC = 0x002,
	KAIO_RWF_SYNC = 0x004,
	KAIO_RWF_NOWAIT = 0x008,
	KAIO_RWF_APPEND = 0x010,
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
 * kaio_version - version of the library that is running
 *
 * KAIO_VERSION is that of the header a program was compiled with.
 *
 * Return: "major.minor.patch", a constant of the library's.
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
const char *kaio_version(void);

/**
 * kaio_setup - create a context
 * @nr_events: operations it must be able to have in flight, 1 to 4194304
 * @ctx: holds 0; receives the handle, for kaio_destroy() to end
 *
 * The kernel has room for at least @nr_events and in practice for more than
 * twice as many. @nr_events counts against fs.aio-max-nr, which all processes
 * share, until the context is destroyed.
 *
 * Return: 0, or a negative errno:
 * -EFAULT: @ctx cannot be read or written
 * -EINVAL: @ctx does not hold 0, or @nr_events is out of range
 * -EAGAIN: fs.aio-max-nr would be exceeded
 * -ENOMEM: the kernel is out of memory
 * -EINTR: a fatal signal came meanwhile
 * -ENOSYS: the kernel was built without AIO, or seccomp says so
 * -EPERM: seccomp forbids AIO
 * Context: may block for memory; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_setup(unsigned nr_events, kaio_context_t *ctx);

/**
 * kaio_destroy - end a context
 * @ctx: the context
 *
 * Polls in flight are cancelled and all other operations waited for: when it
 * returns, the kernel has let go of their buffers. Completions nobody has
 * collected are lost. Threads in kaio_getevents() wake with -EINVAL; a thread
 * that reads the context's ring at that moment is killed by SIGSEGV. It takes
 * tens of milliseconds even when nothing is in flight.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: there is no such context in this process
 * Context: blocks; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_destroy(kaio_context_t ctx);

/**
 * kaio_submit - hand operations to the kernel
 * @ctx: the context
 * @nr: how many, >= 0; more than the context has room for is cut to that
 * @iocbs: the operations, in order; not NULL unless @nr is 0
 *
 * One io_submit(2), with its true count: fewer than @nr means that the kernel
 * stopped at an operation it would not take, whose own error shows when the
 * rest is submitted again. Those taken are copied, with their iovecs; their
 * buffers belong to the kernel until the completion. Most errors of reading and
 * writing are not reported here but in the completion's res.
 *
 * With @nr 0 it only tells whether the context exists.
 *
 * Return: how many the kernel took, at least 1 unless @nr is 0; or, when it
 * took none, the error of the first, as a negative errno:
 * -EAGAIN: no room until completions are collected, or no memory
 * -EBADF: bad file descriptor, or opened the wrong way for this operation; or
 *	resfd is a bad file descriptor
 * -EFAULT: the array, an operation, or an array of iovecs cannot be read; or
 *	an operation cannot be written
 * -EINVAL: no such context, or @nr is negative; or the operation has reserved
 *	members set, an unknown opcode, a bad offset, size or priority, a file
 *	that cannot do it, or a resfd that is no eventfd
 * -ENOMEM: no memory for the iovecs
 * -EOPNOTSUPP: rw_flags the kernel or the file does not know
 * -EPERM: the priority's class is not allowed to this process; or seccomp
 *	forbids the call
 * -ENOSYS: the kernel was built without AIO
 * Context: may block, for as long as the I/O takes, wherever the file does not
 * do it asynchronously: buffered files, pipes, extending writes;
 * thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_submit(kaio_context_t ctx, long nr, struct kaio_iocb *const *iocbs);

/**
 * kaio_cancel - cancel a poll in flight
 * @ctx: the context
 * @iocb: the operation, at the address it was submitted from, its key as the
 *	kernel left it
 * @event: not written by any kernel since 3.10; may be NULL
 *
 * Nothing but polls can be cancelled (and requests to USB gadgets). The
 * kernel's word for success is -EINPROGRESS: the completion, of res 0, comes by
 * the usual way.
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
 * @min_nr: wait for so many, 0 to @nr; 0 does not wait
 * @nr: room in @events
 * @events: receives the completions
 * @timeout: for how long to wait, relative; NULL is for ever
 *
 * Issues io_getevents(2), never io_pgetevents(2), where the architecture has
 * it. A negative timeout, or one of 10^9 nanoseconds and more, is refused here:
 * the kernel would wait for ever.
 *
 * Return: how many were collected, fewer than @min_nr when the timeout ended or
 * a signal came; or a negative errno:
 * -EINVAL: no such context, or it was destroyed meanwhile; @min_nr or @nr out
 *	of range; or @timeout is not a time
 * -EFAULT: @events cannot be written; nothing is lost
 * -EINTR: a signal came, or other work the kernel had for this thread, and
 *	there was nothing to collect; SA_RESTART does not help
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
 * @min_nr: wait for so many, 0 to @nr; 0 does not wait
 * @nr: room in @events
 * @events: receives the completions
 * @timeout: for how long to wait, relative; NULL is for ever
 * @sigmask: the signals blocked meanwhile; NULL leaves them as they are
 *
 * As kaio_getevents(), between an exchange of the signal mask and its return,
 * all in one step. Since Linux 4.18.
 *
 * Return: how many were collected, fewer than @min_nr when the timeout ended or
 * a signal came; or a negative errno:
 * -EINVAL: no such context, or it was destroyed meanwhile; @min_nr or @nr out
 *	of range; or @timeout is not a time
 * -EFAULT: @events cannot be written, or @sigmask not read; nothing is lost
 * -EINTR: a signal came, or other work the kernel had for this thread, and
 *	there was nothing to collect; SA_RESTART does not help
 * -ENOSYS: the kernel or the architecture does not have io_pgetevents(2)
 * -EPERM: seccomp forbids the call, as old container profiles do
 * Context: blocks; thread-safe; async-signal-safe.
 * Since: 0.1
 */
int kaio_pgetevents(kaio_context_t ctx, long min_nr, long nr,
		    struct kaio_event *events, const struct timespec *timeout,
		    const sigset_t *sigmask);

/*
 * Programs for 32-bit glibc choose the width of their time_t; the library has
 * these two functions for either.
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
