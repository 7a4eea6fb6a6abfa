/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * libaio's interface. kaio-libaio(7) says how to move a program to this
 * library, and how it differs from libaio. New programs should use <kaio.h>.
 *
 * Every function returns a value >= 0 or a negative errno; errno is not
 * changed.
 */
#ifndef __LIBAIO_H /* libaio's own guard: the two headers never mix */
#define __LIBAIO_H

/*
 * Like in libaio's header, which is in /usr/include, the compiler reports no
 * warnings here.
 */
#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include <signal.h>
#include <string.h>
#include <sys/select.h> /* sigset_t, in strict ISO C too */
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct timespec;
struct sockaddr;
struct iovec;

/* A context: the kernel's handle, which is the address of its ring. */
typedef struct io_context *io_context_t;

typedef enum io_iocb_cmd {
	IO_CMD_PREAD = 0,
	IO_CMD_PWRITE = 1,
	IO_CMD_FSYNC = 2,
	IO_CMD_FDSYNC = 3,
	IO_CMD_POLL = 5,
	IO_CMD_NOOP = 6, /* -EINVAL in every kernel */
	IO_CMD_PREADV = 7,
	IO_CMD_PWRITEV = 8
} io_iocb_cmd_t;

/*
 * The kernel's structures have 64 bits for every pointer and unsigned long. On
 * a 32-bit architecture the upper half is padding, which comes first in
 * big-endian byte order. IO_SPLIT is for two members that share 64 bits
 * everywhere.
 */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define IO_SPLIT(low, high) \
	unsigned high;      \
	low
#else
#define IO_SPLIT(low, high) \
	low;                \
	unsigned high
#endif
#if __SIZEOF_POINTER__ == 8
#define IO_WIDE(member, padding) member
#else
#define IO_WIDE(member, padding) IO_SPLIT(member, padding)
#endif

struct io_iocb_poll {
	IO_SPLIT(int events, __pad1);
};

struct io_iocb_sockaddr {
	IO_WIDE(struct sockaddr *addr, __pad1);
	IO_WIDE(unsigned long len, __pad2);
};

struct io_iocb_common {
	IO_WIDE(void *buf, __pad1);
	IO_WIDE(unsigned long nbytes, __pad2);
	long long offset;
	long long __pad3;
	unsigned flags; /* 1: completion signals the eventfd resfd */
	unsigned resfd;
};

struct io_iocb_vector {
	IO_WIDE(const struct iovec *vec, __pad1);
	IO_WIDE(unsigned long nr, __pad2);
	long long offset;
};

/* One operation. */
struct iocb {
	IO_WIDE(void *data, __pad1);	      /* comes back in the event */
	IO_SPLIT(unsigned key, aio_rw_flags); /* the kernel's; RWF_* */
	short aio_lio_opcode;		      /* IO_CMD_* */
	short aio_reqprio;
	int aio_fildes;
	union {
		struct io_iocb_common c;
		struct io_iocb_vector v;
		struct io_iocb_poll poll;
		struct io_iocb_sockaddr saddr;
	} u;
};

/* One completion. A negative errno in res is a large number: cast it. */
struct io_event {
	IO_WIDE(void *data, __pad1);
	IO_WIDE(struct iocb *obj, __pad2);
	IO_WIDE(unsigned long res, __pad3);
	IO_WIDE(unsigned long res2, __pad4);
};

/* The last argument of the system call io_pgetevents(2), for this architecture
 * and for a 32-bit program on a 64-bit kernel. */
struct io_sigset {
	unsigned long ss; /* the address of a sigset_t */
	unsigned long ss_len;
};

struct io_sigset_compat {
	IO_WIDE(unsigned long ss, __ss_pad);
	unsigned long ss_len;
};

#undef IO_SPLIT
#undef IO_WIDE

/* io_queue_run() calls it for an operation. */
typedef void (*io_callback_t)(io_context_t ctx, struct iocb *iocb, long res,
			      long res2);

int io_setup(int maxevents, io_context_t *ctxp);
int io_destroy(io_context_t ctx);
int io_submit(io_context_t ctx, long nr, struct iocb *ios[]);
int io_cancel(io_context_t ctx, struct iocb *iocb, struct io_event *evt);

/* Programs for 32-bit glibc choose the width of their time_t. */
#if defined(__USE_TIME_BITS64) && defined(__TIMESIZE) && __TIMESIZE == 32
#define IO_TIME64(name) __asm__(name)
#else
#define IO_TIME64(name)
#endif
int io_getevents(io_context_t ctx, long min_nr, long nr,
		 struct io_event *events, struct timespec *timeout)
	IO_TIME64("io_getevents_time64");
int io_pgetevents(io_context_t ctx, long min_nr, long nr,
		  struct io_event *events, struct timespec *timeout,
		  sigset_t *sigmask) IO_TIME64("io_pgetevents_time64");
#undef IO_TIME64

int io_queue_init(int maxevents, io_context_t *ctxp);
int io_queue_release(io_context_t ctx);
int io_queue_run(io_context_t ctx);

static inline void io_set_callback(struct iocb *iocb, io_callback_t cb)
{
	/* ISO C has no cast from a function to void *. */
	memcpy(&iocb->data, &cb, sizeof(iocb->data));
}

static inline void io_set_eventfd(struct iocb *iocb, int eventfd)
{
	iocb->u.c.flags |= 1;
	iocb->u.c.resfd = (unsigned)eventfd;
}

static inline void io_prep_pread(struct iocb *iocb, int fd, void *buf,
				 size_t count, long long offset)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_lio_opcode = IO_CMD_PREAD;
	iocb->aio_fildes = fd;
	iocb->u.c.buf = buf;
	iocb->u.c.nbytes = count;
	iocb->u.c.offset = offset;
}

static inline void io_prep_pwrite(struct iocb *iocb, int fd, void *buf,
				  size_t count, long long offset)
{
	io_prep_pread(iocb, fd, buf, count, offset);
	iocb->aio_lio_opcode = IO_CMD_PWRITE;
}

static inline void io_prep_preadv2(struct iocb *iocb, int fd,
				   const struct iovec *iov, int iovcnt,
				   long long offset, int flags)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_lio_opcode = IO_CMD_PREADV;
	iocb->aio_rw_flags = (unsigned)flags;
	iocb->aio_fildes = fd;
	iocb->u.v.vec = iov;
	iocb->u.v.nr = (unsigned long)iovcnt;
	iocb->u.v.offset = offset;
}

static inline void io_prep_pwritev2(struct iocb *iocb, int fd,
				    const struct iovec *iov, int iovcnt,
				    long long offset, int flags)
{
	io_prep_preadv2(iocb, fd, iov, iovcnt, offset, flags);
	iocb->aio_lio_opcode = IO_CMD_PWRITEV;
}

static inline void io_prep_preadv(struct iocb *iocb, int fd,
				  const struct iovec *iov, int iovcnt,
				  long long offset)
{
	io_prep_preadv2(iocb, fd, iov, iovcnt, offset, 0);
}

static inline void io_prep_pwritev(struct iocb *iocb, int fd,
				   const struct iovec *iov, int iovcnt,
				   long long offset)
{
	io_prep_pwritev2(iocb, fd, iov, iovcnt, offset, 0);
}

static inline void io_prep_poll(struct iocb *iocb, int fd, int events)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_lio_opcode = IO_CMD_POLL;
	iocb->aio_fildes = fd;
	iocb->u.poll.events = events;
}

static inline void io_prep_fsync(struct iocb *iocb, int fd)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_lio_opcode = IO_CMD_FSYNC;
	iocb->aio_fildes = fd;
}

static inline void io_prep_fdsync(struct iocb *iocb, int fd)
{
	io_prep_fsync(iocb, fd);
	iocb->aio_lio_opcode = IO_CMD_FDSYNC;
}

static inline int io_poll(io_context_t ctx, struct iocb *iocb, io_callback_t cb,
			  int fd, int events)
{
	io_prep_poll(iocb, fd, events);
	io_set_callback(iocb, cb);
	return io_submit(ctx, 1, &iocb);
}

static inline int io_fsync(io_context_t ctx, struct iocb *iocb,
			   io_callback_t cb, int fd)
{
	io_prep_fsync(iocb, fd);
	io_set_callback(iocb, cb);
	return io_submit(ctx, 1, &iocb);
}

static inline int io_fdsync(io_context_t ctx, struct iocb *iocb,
			    io_callback_t cb, int fd)
{
	io_prep_fdsync(iocb, fd);
	io_set_callback(iocb, cb);
	return io_submit(ctx, 1, &iocb);
}

#ifdef __cplusplus
}
#endif

#endif
