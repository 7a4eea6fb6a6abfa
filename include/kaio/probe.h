/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The probe layer: what the kernel, the process and a file support, what
 * contexts cost, and what errors mean.
 *
 * Everything is found by trying it, never by the kernel's version: containers
 * forbid what their kernel has, and distributions add to theirs.
 *
 * None of the functions is a cancellation point.
 */
#ifndef KAIO_PROBE_H
#define KAIO_PROBE_H

#include <kaio/abi.h>

KAIO_BEGIN_DECLS

/*
 * What works here. Of each system call: 0 if it works, -ENOSYS if it is absent,
 * another error, mostly -EPERM, if a policy such as seccomp forbids it; see
 * kaio_explain(). A policy that returns -ENOSYS cannot be told from a kernel
 * without the call.
 */
struct kaio_probe {
	int32_t setup; /* -EAGAIN: fs.aio-max-nr is used up */
	int32_t destroy;
	int32_t submit;
	int32_t cancel; /* -EINVAL: polls cannot be cancelled */
	int32_t getevents;
	int32_t pgetevents;
	int32_t ring;	      /* 0, or -ENOTSUP: collect by system call */
	uint32_t opcodes;     /* 1 << KAIO_OP_*: operations accepted */
	uint32_t rw_flags;    /* KAIO_RWF_* that the kernel knows: a file may
			       * still return -EOPNOTSUPP */
	uint32_t iocb_flags;  /* KAIO_IOCB_* in effect; others are ignored */
	uint32_t reserved[6]; /* 0 */
};

/* The system's limit, and what a depth costs. */
struct kaio_limits {
	uint64_t aio_nr;	/* used by all contexts of the system */
	uint64_t aio_max_nr;	/* the limit of aio_nr */
	uint32_t possible_cpus; /* the kernel's number of possible CPUs */
	uint32_t page_size;	/* bytes */
	uint64_t reserved[5];	/* 0 */
};

enum kaio_file_kind {
	KAIO_FILE_OTHER = 0, /* an eventfd, say */
	KAIO_FILE_REGULAR = 1,
	KAIO_FILE_BLOCK = 2,
	KAIO_FILE_CHAR = 3,
	KAIO_FILE_DIRECTORY = 4,
	KAIO_FILE_PIPE = 5,
	KAIO_FILE_SOCKET = 6
};

enum kaio_file_flags {
	/* It is open with O_DIRECT; not set for a pipe. */
	KAIO_FILE_DIRECT = 1 << 0,
	/*
	 * With O_DIRECT, I/O bypasses the page cache. Certain for
	 * KAIO_ALIGN_FILE and KAIO_ALIGN_DEVICE; with KAIO_ALIGN_GUESS it is
	 * assumed, and fcntl(2) with F_SETFL tells.
	 */
	KAIO_FILE_CAN_DIRECT = 1 << 1,
	/*
	 * As it is open now, reads and overwrites complete asynchronously;
	 * otherwise some or all of them are done inside io_submit(2). It is set
	 * for O_DIRECT with KAIO_FILE_CAN_DIRECT, except for DAX, and for
	 * descriptors that can write on btrfs: data with checksums is written
	 * inside io_submit(2). There it needs the attribute NOCOW (chattr +C).
	 *
	 * Done inside io_submit(2) all the same: writes that extend the file,
	 * on ext4, and on XFS all but the first in flight; on btrfs, reads of
	 * compressed data and writes of data that is stored twice (DUP); all on
	 * devices that move data when it is submitted, as zram. It is not known
	 * what file systems under overlayfs, and servers of FUSE and network
	 * file systems, do. kaio-asynchronous(7) has a table.
	 */
	KAIO_FILE_ASYNC = 1 << 2
};

/* Where the alignment comes from, the most certain first. */
enum kaio_align_source {
	KAIO_ALIGN_NONE = 0,   /* O_DIRECT is not possible, all are 1 */
	KAIO_ALIGN_FILE = 1,   /* statx(2) of the file */
	KAIO_ALIGN_DEVICE = 2, /* logical block size of its block device */
	KAIO_ALIGN_GUESS = 3   /* the file system's block size; 4096 at least */
};

/* A file, and the alignment for O_DIRECT, whether that is set or not. */
struct kaio_file_info {
	uint32_t kind;	       /* KAIO_FILE_REGULAR and the like */
	uint32_t flags;	       /* KAIO_FILE_DIRECT, _CAN_DIRECT, _ASYNC */
	uint32_t align_source; /* KAIO_ALIGN_* */
	uint32_t mem_align;    /* of buffers, in bytes; 1: any. All alignments
				* are powers of 2 */
	uint32_t offset_align; /* of offsets and sizes, in bytes */
	uint32_t read_align;   /* the same, for reads: it may be less */
	uint64_t size;	       /* bytes, of a regular file or block device */
	uint64_t reserved[4];  /* 0 */
};

/* The calls whose errors kaio_explain() explains. New ones come at the end. */
enum kaio_call {
	KAIO_CALL_SETUP = 0,
	KAIO_CALL_DESTROY = 1,
	KAIO_CALL_SUBMIT = 2,
	KAIO_CALL_CANCEL = 3,
	KAIO_CALL_GETEVENTS = 4,
	KAIO_CALL_PGETEVENTS = 5,
	KAIO_CALL_RESULT = 6, /* the res of an event or of a callback */
	KAIO_CALL_RING_ATTACH = 7,
	KAIO_CALL_PROBE_SYSTEM = 8,
	KAIO_CALL_GET_LIMITS = 9,
	KAIO_CALL_GET_FILE_INFO = 10,
	KAIO_CALL_QUEUE_CREATE = 11,
	KAIO_CALL_QUEUE_DESTROY = 12,
	KAIO_CALL_QUEUE_PUSH = 13,
	KAIO_CALL_QUEUE_SUBMIT = 14,
	KAIO_CALL_QUEUE_REAP = 15,
	KAIO_CALL_QUEUE_WAIT = 16,
	KAIO_CALL_QUEUE_RUN = 17,
	KAIO_CALL_QUEUE_WAKE = 18,
	KAIO_CALL_QUEUE_EVENTFD = 19,
	KAIO_CALL_QUEUE_CANCEL = 20,
	KAIO_CALL_QUEUE_DRAIN = 21,
	KAIO_CALL_TRANSFER_CREATE = 22,
	KAIO_CALL_TRANSFER_POST = 23,
	KAIO_CALL_TRANSFER_TEST = 24,
	KAIO_CALL_TRANSFER_WAIT = 25,
	KAIO_CALL_TRANSFER_RESULT = 26,
	KAIO_CALL_TRANSFER_BYTES = 27,
	KAIO_CALL_TRANSFER_RELEASE = 28,
	KAIO_CALL_TRANSFER_ACTIVE = 29,
	KAIO_CALL_TRANSFER_CANCEL = 30
};

/**
 * kaio_probe_system - find out what works here
 * @probe: receives what was found, also when an error is returned
 *
 * It tries each system call, and each operation and flag with a context of
 * depth 16: on a pipe and a memfd, so that it needs no file system and no
 *access rights, and mostly with the wrong end of the pipe, so that the kernel
 *checks the operation and then does not do it. A flag that the kernel knows is
 * reported, even if a pipe does not support it.
 *
 * Nothing is left open. The depth counts against fs.aio-max-nr during the call.
 * Destroying the context takes tens of milliseconds: call it once. A policy
 * that kills the process for a system call does so here, too.
 *
 * AIO works with io_getevents(2), io_pgetevents(2) or the ring; with the ring
 * alone a kaio_queue can collect, but not sleep.
 *
 * Return: 0 if AIO works, or a negative errno:
 * -EINVAL: @probe is NULL
 * -ENOSYS: AIO cannot be used: it is absent, or a policy forbids io_setup(2),
 *	io_submit(2), io_destroy(2), or every way to collect
 * -EAGAIN: fs.aio-max-nr is used up; only the system calls were tried
 * -ENOMEM: no memory; some operations and flags may not have been tried
 * -EMFILE: the process has no file descriptors left; it needs three
 * -ENFILE: the system has no file descriptors left
 * Context: blocks; thread-safe; not async-signal-safe.
 * Since: 0.1
 */
int kaio_probe_system(struct kaio_probe *probe);

/**
 * kaio_get_limits - return the system's limit and what is used of it
 * @limits: receives them; unchanged on error
 *
 * A context counts against fs.aio-max-nr with its depth, which is what
 * kaio_setup() was given; KAIO_QUEUE_WAKE or KAIO_QUEUE_SHARED adds one. All
 * processes share that limit. A context's memory is kaio_limits_ring_bytes(),
 * and about 200 bytes for each operation in flight.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @limits is NULL
 * -ENOENT: /proc is not mounted, or the kernel has no AIO
 * -EACCES: /proc/sys/fs/aio-nr or aio-max-nr cannot be read
 * -EMFILE: the process has no file descriptors left
 * -ENFILE: the system has no file descriptors left
 * -ENODATA: these files hold no number
 * Context: does not block; thread-safe; not async-signal-safe.
 * Since: 0.1
 */
int kaio_get_limits(struct kaio_limits *limits);

/**
 * kaio_limits_ring_bytes - return the size of a context's ring
 * @limits: from kaio_get_limits(): possible_cpus and page_size are used
 * @depth: of the context, 1 to 4194304
 *
 * The kernel uses a depth of at least 4 per possible CPU, makes room for twice
 * as many completions, and rounds up to whole pages. The memory cannot be
 * swapped out, and is charged to no process.
 *
 * Return: the size, in bytes.
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
KAIO_INLINE uint64_t kaio_limits_ring_bytes(const struct kaio_limits *limits,
					    unsigned depth)
{
	uint64_t least = (uint64_t)limits->possible_cpus * 4;
	uint64_t nr = depth > least ? depth : least;
	/* The header, and two events more than twice nr: aio_setup_ring(). */
	uint64_t bytes = 32 + (2 * nr + 2) * sizeof(struct kaio_event);
	uint64_t page = limits->page_size;

	return (bytes + page - 1) / page * page;
}

/**
 * kaio_get_file_info - return a file's alignment for O_DIRECT, and whether its
 *	I/O is asynchronous
 * @fd: the file, not opened with O_PATH
 * @info: receives them; unchanged on error
 *
 * Nothing is read from the file, and nothing changed: O_DIRECT is not set even
 * for a moment, and the file is not opened again, as closing it would drop the
 * process's locks on it.
 *
 * Polls and fsyncs are asynchronous for every file that supports them, whatever
 * the flags are.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @info is NULL
 * -EBADF: @fd is not open, or was opened with O_PATH
 * Context: may block, as fstat(2) of a network file system does; thread-safe;
 * not async-signal-safe.
 * Since: 0.1
 */
int kaio_get_file_info(int fd, struct kaio_file_info *info);

/**
 * kaio_explain - say what an error means and what to do about it
 * @call: what returned it
 * @error: what was returned, a negative errno; 0 or more is no error
 *
 * The same number has another meaning from another call: the sentence is for
 * this call. The calls that test, wait for or return the result of a transfer
 * return errors of operations, too; where a number can be either, the sentence
 * names both causes. Errors that a call is not documented to return get a
 * general sentence.
 *
 * For an event's res that is less than 0, pass KAIO_CALL_RESULT and cast res to
 * int.
 *
 * Return: an English sentence, constant; never NULL.
 * Context: does not block; thread-safe; async-signal-safe.
 * Since: 0.1
 */
const char *kaio_explain(enum kaio_call call, int error);

KAIO_END_DECLS

#endif
