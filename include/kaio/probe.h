/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The probe layer: what this kernel, this process and this file can do, what
 * contexts cost, and what errors mean.
 *
 * Everything is found by trying or by asking for the thing itself, never by the
 * kernel's version: containers forbid what their kernel has, and distributions
 * add what theirs had not.
 */
#ifndef KAIO_PROBE_H
#define KAIO_PROBE_H

#include <kaio/abi.h>

KAIO_BEGIN_DECLS

/*
 * What works here. Of each system call: 0 where it works, -ENOSYS where it is
 * absent, -EPERM or another error where a policy such as seccomp refuses it;
 * kaio_explain() has words for it. A policy that answers -ENOSYS cannot be told
 * from a kernel without the call.
 */
struct kaio_probe {
	int32_t setup; /* -EAGAIN, too: fs.aio-max-nr was used up */
	int32_t destroy;
	int32_t submit;
	int32_t cancel; /* -EINVAL: polls cannot be cancelled */
	int32_t getevents;
	int32_t pgetevents;
	int32_t ring;	      /* 0, or -ENOTSUP: collect by system call */
	uint32_t opcodes;     /* 1 << KAIO_OP_*: the operations taken */
	uint32_t rw_flags;    /* KAIO_RWF_* that the kernel knows: a file may
			       * still refuse them, with -EOPNOTSUPP */
	uint32_t iocb_flags;  /* KAIO_IOCB_* that count; others are ignored */
	uint32_t reserved[6]; /* 0 */
};

/* What contexts may take, and what a depth costs. */
struct kaio_limits {
	uint64_t aio_nr;	/* charged to all contexts of the system */
	uint64_t aio_max_nr;	/* what aio_nr may not exceed */
	uint32_t possible_cpus; /* that the kernel was built and booted for */
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
	/* It is open with O_DIRECT; of a pipe, that means something else. */
	KAIO_FILE_DIRECT = 1 << 0,
	/*
	 * With O_DIRECT its data goes past the page cache. Certain where the
	 * alignment is the file's own (KAIO_ALIGN_FILE) or a device's; for a
	 * KAIO_ALIGN_GUESS it means that nothing is known against it, and
	 * fcntl(2) with F_SETFL has the last word.
	 */
	KAIO_FILE_CAN_DIRECT = 1 << 1,
	/*
	 * As it is open now, reads and writes complete asynchronously, as far
	 * as one can know; without it they are done inside io_submit(2). Writes
	 * that extend the file are done there anyhow.
	 */
	KAIO_FILE_ASYNC = 1 << 2
};

/* Where the alignment comes from, the surest first. */
enum kaio_align_source {
	KAIO_ALIGN_NONE = 0,   /* O_DIRECT is not possible, all are 1 */
	KAIO_ALIGN_FILE = 1,   /* the kernel's word for it: statx(2) */
	KAIO_ALIGN_DEVICE = 2, /* logical block size of the device under it */
	KAIO_ALIGN_GUESS = 3   /* the file system's block size; 4096 at least */
};

/* A file, and what O_DIRECT asks of it, whether it is set now or not. */
struct kaio_file_info {
	uint32_t kind;	       /* KAIO_FILE_REGULAR and the like */
	uint32_t flags;	       /* KAIO_FILE_DIRECT, _CAN_DIRECT, _ASYNC */
	uint32_t align_source; /* KAIO_ALIGN_* */
	uint32_t mem_align;    /* of buffers, in bytes; 1 where it is no
				* matter. All alignments are powers of 2 */
	uint32_t offset_align; /* of offsets and sizes, in bytes */
	uint32_t read_align;   /* the same, for reads: it may be less */
	uint64_t size;	       /* bytes, of a regular file or block device */
	uint64_t reserved[4];  /* 0 */
};

/* What kaio_explain() explains the errors of. New ones come at the end. */
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
 * @probe: receives it, as far as it could be found out, whatever is returned
 *
 * Each system call is tried, and with a context of depth 16 each operation and
 * each flag: on a pipe and a memfd, so that it needs no file system and no
 * access rights, and mostly with the wrong one of the pipe's ends, so that the
 * kernel looks at the operation and then does not do it. A flag counts as known
 * if the kernel knows it, although the pipe would refuse it.
 *
 * Nothing is left behind. The depth counts against fs.aio-max-nr meanwhile.
 * Ending the context takes tens of milliseconds: call it once. A policy that
 * kills instead of refusing does so here, too.
 *
 * A kernel with io_pgetevents(2) only, or with io_getevents(2) only, or with
 * neither but with the ring, can do AIO; without the first two a kaio_queue can
 * collect, but not sleep.
 *
 * Return: 0, and AIO works, or a negative errno:
 * -EINVAL: @probe is NULL
 * -ENOSYS: AIO cannot be used: it is absent, or a policy refuses io_setup(2),
 *	io_submit(2), io_destroy(2), or every way to collect
 * -EAGAIN: fs.aio-max-nr is used up; the calls were tried, the rest was not
 * -ENOMEM: no memory; some of the rest may have gone untried
 * -EMFILE: the process has no file descriptors left, and it takes three
 * -ENFILE: the system has no file descriptors left
 * Context: blocks; thread-safe; not async-signal-safe.
 * Since: 0.1
 */
int kaio_probe_system(struct kaio_probe *probe);

/**
 * kaio_get_limits - tell what contexts may take and what a depth costs
 * @limits: receives it; unchanged on error
 *
 * A context is charged its depth, which is what kaio_setup() was given, against
 * fs.aio-max-nr; a kaio_queue with KAIO_QUEUE_WAKE or KAIO_QUEUE_SHARED one
 * more. All contexts of all processes share that number. In memory it takes
 * kaio_limits_ring_bytes(), and about 200 bytes for each operation in flight.
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
 * kaio_limits_ring_bytes - tell the size of a context's ring
 * @limits: from kaio_get_limits(): the processors and the page count
 * @depth: of the context, 1 to 4194304
 *
 * The kernel takes 4 operations per processor for the least of depths, makes
 * room for twice as many completions, and fills whole pages. The memory is
 * locked in, and charged to nobody.
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
 * kaio_get_file_info - tell what O_DIRECT asks of a file, and whether it is
 *	asynchronous
 * @fd: the file, not opened with O_PATH
 * @info: receives it; unchanged on error
 *
 * Nothing is read from the file, and nothing changed: not even for a moment
 * is O_DIRECT set, and the file is not opened a second time, as closing it then
 * would drop the process's locks on it.
 *
 * Polls (KAIO_OP_POLL) and fsyncs are asynchronous with any file that has them,
 * whatever the flags say of reads and writes.
 *
 * Return: 0, or a negative errno:
 * -EINVAL: @info is NULL
 * -EBADF: @fd is no open file, or was opened with O_PATH
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
