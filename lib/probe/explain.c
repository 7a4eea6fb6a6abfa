/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What errors mean and what to do about them.
 *
 * An entry is for one error of all the calls in its set. The first that matches
 * counts; those for every call come last.
 */
#include <kaio/probe.h>

#include <errno.h>
#include <stddef.h>

#define CALL(name) (UINT64_C(1) << KAIO_CALL_##name)

#define GETEVENTS (CALL(GETEVENTS) | CALL(PGETEVENTS))
#define WAITS (CALL(QUEUE_WAIT) | CALL(QUEUE_RUN) | CALL(QUEUE_DRAIN))
#define QUEUE                                                          \
	(CALL(QUEUE_DESTROY) | CALL(QUEUE_PUSH) | CALL(QUEUE_SUBMIT) | \
	 CALL(QUEUE_REAP) | CALL(QUEUE_WAKE) | CALL(QUEUE_EVENTFD) |   \
	 CALL(QUEUE_CANCEL) | WAITS)
#define STATUS (CALL(TRANSFER_TEST) | CALL(TRANSFER_WAIT))
#define TRANSFER                                                               \
	(CALL(TRANSFER_CREATE) | CALL(TRANSFER_POST) | CALL(TRANSFER_RESULT) | \
	 CALL(TRANSFER_BYTES) | CALL(TRANSFER_RELEASE) | STATUS)
#define EVERY_CALL UINT64_MAX

struct explanation {
	uint64_t calls;
	int error;
	const char *text;
};

static const struct explanation explanations[] = {
	{ CALL(SETUP), -EFAULT,
	  "The pointer to the context handle is not valid memory: pass the "
	  "address of a kaio_context_t." },
	{ CALL(SETUP), -EINVAL,
	  "The number of operations is not between 1 and 4194304, or the "
	  "context handle was not set to 0 before: correct the call." },
	{ CALL(SETUP) | CALL(QUEUE_CREATE) | CALL(PROBE), -EAGAIN,
	  "The system-wide limit fs.aio-max-nr is used up: raise it with "
	  "sysctl, ask for a smaller depth, or end contexts that are not "
	  "needed." },
	{ CALL(SETUP), -ENOMEM,
	  "The kernel has no memory for a context of this size: ask for fewer "
	  "operations." },
	{ CALL(SETUP), -EINTR,
	  "A fatal signal came while the context was being created: the "
	  "process is about to end." },
	{ CALL(SETUP) | CALL(QUEUE_CREATE), -ENOSYS,
	  "There is no asynchronous I/O here: the kernel was built without "
	  "CONFIG_AIO, or a container's policy hides it; allow io_setup, or "
	  "do the I/O with pread and pwrite." },
	{ CALL(SETUP) | CALL(QUEUE_CREATE), -EPERM,
	  "A security policy, such as a container's seccomp profile, forbids "
	  "io_setup: allow the five io_* system calls of AIO in it, or do the "
	  "I/O with pread and pwrite." },
	{ CALL(DESTROY), -EINVAL,
	  "There is no such context in this process: it was destroyed "
	  "already, or belongs to the parent of this process." },
	{ CALL(CANCEL), -EINPROGRESS,
	  "The operation is cancelled, and its completion comes the usual "
	  "way: collect it." },
	{ CALL(CANCEL), -EINVAL,
	  "The operation cannot be cancelled: it is no poll, is not in flight "
	  "any more, or the context does not exist; wait for its completion, "
	  "if it has one to come." },
	{ CALL(CANCEL), -EFAULT,
	  "The operation to cancel is not valid memory: pass the address it "
	  "was submitted from." },
	{ GETEVENTS, -EINVAL,
	  "The context does not exist or was destroyed meanwhile, the numbers "
	  "are not 0 <= min_nr <= nr, or the timeout is not a time: correct "
	  "the call." },
	{ GETEVENTS, -EFAULT,
	  "The array for completions is not valid memory, and none was lost: "
	  "pass one that is." },
	{ CALL(PGETEVENTS), -ENOSYS,
	  "There is no io_pgetevents here, as before Linux 4.18 or under a "
	  "policy that hides it: use kaio_getevents and an eventfd or "
	  "signalfd." },
	{ CALL(PGETEVENTS), -EPERM,
	  "A security policy, such as an old container profile, forbids "
	  "io_pgetevents: allow it, or use kaio_getevents." },
	{ CALL(GETEVENTS), -EPERM,
	  "A security policy forbids io_getevents: allow it, or use "
	  "kaio_pgetevents or the ring." },
	{ GETEVENTS | WAITS, -EINTR,
	  "A signal or other work of the kernel's interrupted the wait, and "
	  "nothing is lost: call again." },
	{ CALL(RING_ATTACH), -ENOTSUP,
	  "This context's memory is not the ring that the library knows, as "
	  "under gVisor: collect with kaio_getevents." },

	/* Operations, as they are submitted and as they complete. */
	{ CALL(SUBMIT), -EAGAIN,
	  "The context has no room: collect completions, then submit the rest "
	  "again." },
	{ CALL(RESULT), -EAGAIN,
	  "The operation could not be done without waiting and was told not "
	  "to, or the kernel had no room or memory for it: do it again later, "
	  "or without KAIO_RWF_NOWAIT or O_NONBLOCK." },
	{ CALL(SUBMIT) | CALL(RESULT), -EBADF,
	  "The file descriptor is not open, or not open for this direction, "
	  "or the eventfd is not open: correct the operation." },
	{ CALL(SUBMIT), -EFAULT,
	  "The operation, the array of pointers or the array of iovecs is not "
	  "valid memory, or the operation is read-only: correct the call." },
	{ CALL(RESULT), -EFAULT,
	  "The buffer, or the operation itself, is not valid memory: it must "
	  "stay allocated until the completion." },
	{ CALL(SUBMIT), -EINVAL,
	  "The context does not exist, or the operation has an unknown "
	  "opcode, a bad offset, size or priority, or a file that cannot do "
	  "it: submit 0 operations to see whether it is the context." },
	{ CALL(RESULT), -EINVAL,
	  "The buffer, offset or size does not have the alignment that "
	  "O_DIRECT asks of this file, or the file cannot do this operation: "
	  "kaio_get_file_info tells the alignment." },
	{ CALL(SUBMIT) | CALL(RESULT), -ENOMEM,
	  "The kernel has no memory for this operation: do it again later, or "
	  "with fewer iovecs." },
	{ CALL(SUBMIT) | CALL(RESULT), -EOPNOTSUPP,
	  "The kernel or this file does not know one of the rw_flags: leave "
	  "it out; kaio_probe_system tells which the kernel knows." },
	{ CALL(SUBMIT), -EPERM,
	  "This process may not use the priority class of the operation, or a "
	  "security policy forbids io_submit: use another class, or allow the "
	  "call." },
	{ CALL(RESULT), -EPERM,
	  "This process may not do that to the file, or may not use the "
	  "priority class of the operation, or a security policy forbids "
	  "io_submit." },
	{ CALL(SUBMIT) | CALL(RESULT), -EOVERFLOW,
	  "The offset and the size go beyond what the kernel can count: "
	  "correct the operation." },
	{ CALL(RESULT), -ECANCELED,
	  "The operation was cancelled before the kernel had it." },
	{ CALL(RESULT), -EINTR,
	  "A signal interrupted the operation before it had moved any data: "
	  "do it again." },
	{ CALL(RESULT), -EIO,
	  "The device or file system failed to read or write the data: look "
	  "into the kernel's log, and do not trust what was to be written." },
	{ CALL(RESULT), -ENODATA,
	  "There was less data than was asked for, or the medium has lost it: "
	  "look at the size of the file, and into the kernel's log." },
	{ CALL(RESULT), -EILSEQ,
	  "The data failed its checksum on the way or on the medium: look "
	  "into the kernel's log, and restore it." },
	{ CALL(RESULT), -ENOSPC,
	  "The file system or device is full: make room, then write again." },
	{ CALL(RESULT), -EDQUOT,
	  "The disk quota is used up: make room, then write again." },
	{ CALL(RESULT), -EFBIG,
	  "The file would grow beyond what RLIMIT_FSIZE or the file system "
	  "allows: raise the limit, or write less." },
	{ CALL(RESULT), -EPIPE,
	  "Nobody reads from the other end of the pipe or socket any more: "
	  "close it." },
	{ CALL(RESULT), -ENODEV,
	  "The device is gone: it was removed, or its driver gave up." },
	{ CALL(RESULT), -ESTALE,
	  "The file was removed on the server of a network file system: open "
	  "it again." },
	{ CALL(RESULT), -ETIMEDOUT,
	  "The device or the server did not answer in time: do it again, and "
	  "look into the kernel's log." },
	{ CALL(RESULT), -EISDIR,
	  "The file is a directory, which cannot be read or written: open a "
	  "file in it." },

	{ QUEUE | TRANSFER, -ECHILD,
	  "The queue belongs to the parent of this process and was left "
	  "alone: create another in the child." },
	{ CALL(QUEUE_CREATE), -EINVAL,
	  "The depth is not between 1 and 4194304, depth and backlog exceed "
	  "INT_MAX, or the parameters have an unknown flag or a reserved "
	  "member that is not 0: correct the call." },
	{ CALL(QUEUE_CREATE), -ENOMEM,
	  "There is no memory for a queue of this depth and backlog: ask for "
	  "less." },
	{ CALL(QUEUE_CREATE), -EMFILE,
	  "This process has no file descriptors left, and the queue's eventfd "
	  "takes one: close some, or raise RLIMIT_NOFILE." },
	{ CALL(QUEUE_CREATE), -ENFILE,
	  "The system has no file descriptors left, and the queue's eventfd "
	  "takes one: raise fs.file-max." },
	{ CALL(QUEUE_PUSH), -EINVAL,
	  "The queue or the operation is NULL, or the operation has an "
	  "eventfd of its own in a queue with KAIO_QUEUE_EVENTFD: correct the "
	  "call." },
	{ CALL(QUEUE_PUSH), -ENOBUFS,
	  "As many operations are outstanding as depth and backlog allow: "
	  "collect completions, then push it again." },
	{ CALL(QUEUE_SUBMIT), -EINVAL, "There is no queue: create one first." },
	{ CALL(QUEUE_REAP) | CALL(QUEUE_WAIT), -EINVAL,
	  "There is no queue, or the array, its size, the number to wait for "
	  "or the timeout is out of range: correct the call." },
	{ CALL(QUEUE_REAP) | CALL(QUEUE_WAIT), -EFAULT,
	  "The array for completions is not valid memory, and none was lost: "
	  "pass one that is." },
	{ CALL(QUEUE_RUN) | CALL(QUEUE_DRAIN), -EINVAL,
	  "There is no queue, or the number to wait for or the timeout is out "
	  "of range: correct the call." },
	{ CALL(QUEUE_REAP) | WAITS, -EPERM,
	  "A security policy forbids io_getevents and io_pgetevents: allow "
	  "one of them; without waiting, a queue with the ring still "
	  "collects." },
	{ CALL(QUEUE_REAP) | WAITS, -ENOSYS,
	  "Neither io_getevents nor io_pgetevents exists here, or a policy "
	  "hides them: allow one of them; without waiting, a queue with the "
	  "ring still collects." },
	{ CALL(QUEUE_RUN), -ELOOP,
	  "Callbacks have run the queue from within each other too often: let "
	  "them push and return." },
	{ CALL(QUEUE_CREATE), -ENOTSUP,
	  "The kernel has no polls, as before Linux 4.19: create the queue "
	  "without KAIO_QUEUE_WAKE and KAIO_QUEUE_SHARED." },
	{ CALL(QUEUE_DRAIN), -ETIMEDOUT,
	  "Operations were still outstanding when the time was up, and "
	  "nothing is lost: call again." },
	{ CALL(QUEUE_WAKE), -EINVAL,
	  "There is no queue, or it was created without KAIO_QUEUE_WAKE: "
	  "create it with that flag." },
	{ CALL(QUEUE_EVENTFD), -EINVAL,
	  "There is no queue, or it was created without KAIO_QUEUE_EVENTFD: "
	  "create it with that flag." },
	{ CALL(QUEUE_CANCEL), -EINVAL,
	  "The queue or the operation is NULL: correct the call." },
	{ CALL(QUEUE_CANCEL), -EBUSY,
	  "The operation is in flight and cannot be cancelled: wait for its "
	  "completion." },
	{ CALL(QUEUE_CANCEL), -ENOENT,
	  "The operation is neither in the backlog nor in flight: it was "
	  "never pushed, or its completion is there." },

	{ CALL(TRANSFER_CREATE), -EINVAL,
	  "There is no queue, no place for the transfer, no operation, or an "
	  "unknown flag: correct the call." },
	{ CALL(TRANSFER_CREATE), -ENOMEM,
	  "There is no memory for so many operations: ask for fewer." },
	{ CALL(TRANSFER_POST), -EBUSY,
	  "The transfer is still active: wait for it, then post it again." },
	{ CALL(TRANSFER_POST), -ECANCELED,
	  "The transfer's queue has been destroyed: release the transfer, and "
	  "create one on another queue." },
	{ STATUS | CALL(TRANSFER_RESULT), -EINPROGRESS,
	  "It is not complete: go on with other work, and ask again." },
	{ STATUS, -ENODATA,
	  "A read met the end of the file before it had all its bytes: look "
	  "at the results, or create the transfer with KAIO_TRANSFER_EOF_OK." },
	{ STATUS | CALL(TRANSFER_RESULT), -ENOSPC,
	  "A write could not go on: the device is full, or a limit of the "
	  "file's size is reached." },
	{ STATUS | CALL(TRANSFER_RESULT), -ECANCELED,
	  "An operation was cancelled, or the queue or the transfer ended "
	  "before it was complete." },
	{ CALL(TRANSFER_WAIT), -EINTR,
	  "A signal or other work of the kernel's interrupted the wait, and "
	  "the transfer is still active: call again." },
	{ STATUS, -ELOOP,
	  "Callbacks have run the queue from within each other too often: let "
	  "them push and return." },
	{ STATUS | CALL(TRANSFER_RESULT), -EINVAL,
	  "There is no transfer, it was never posted, or an index or timeout "
	  "is out of range: correct the call." },
	{ TRANSFER, -EINVAL,
	  "There is no transfer: pass the one that was created." },
	{ STATUS, -EPERM,
	  "A security policy forbids io_getevents and io_pgetevents: allow "
	  "one of them." },
	{ STATUS, -ENOSYS,
	  "Neither io_getevents nor io_pgetevents exists here, or a policy "
	  "hides them: allow one of them." },

	{ CALL(PROBE) | CALL(LIMITS) | CALL(FILE_INFO), -EINVAL,
	  "There is no structure to fill in: pass the address of one." },
	{ CALL(PROBE), -ENOSYS,
	  "Asynchronous I/O cannot be used here: the kernel has none, or a "
	  "security policy refuses a system call it needs; the structure "
	  "tells which." },
	{ CALL(PROBE), -ENOMEM,
	  "There was no memory to try everything: probe again later." },
	{ CALL(LIMITS), -ENOENT,
	  "There is no /proc/sys/fs/aio-nr or aio-max-nr: /proc is not "
	  "mounted, or the kernel was built without CONFIG_AIO." },
	{ CALL(LIMITS), -EACCES,
	  "A security policy forbids reading /proc/sys/fs/aio-nr or "
	  "aio-max-nr: do without the limits." },
	{ CALL(LIMITS), -ENODATA,
	  "/proc/sys/fs/aio-nr or aio-max-nr holds no number, as if something "
	  "else were mounted there: do without the limits." },
	{ CALL(FILE_INFO), -EBADF,
	  "The file descriptor is not open, or was opened with O_PATH: open "
	  "the file for reading or writing." },
	{ CALL(PROBE) | CALL(LIMITS), -EMFILE,
	  "This process has no file descriptors left: close some, or raise "
	  "RLIMIT_NOFILE." },
	{ CALL(PROBE) | CALL(LIMITS), -ENFILE,
	  "The system has no file descriptors left: raise fs.file-max." },
	{ EVERY_CALL, -ENOSYS,
	  "The kernel does not have this system call, as when it was built "
	  "without CONFIG_AIO, or a policy hides it." },
	{ EVERY_CALL, -EPERM,
	  "A security policy, such as a container's seccomp profile, forbids "
	  "this system call: allow it there." },
};

const char *kaio_explain(enum kaio_call call, int error)
{
	const size_t nr = sizeof(explanations) / sizeof(*explanations);
	size_t i;

	if (error >= 0)
		return "It worked: there is no error.";
	for (i = 0; i < nr && (unsigned)call < 64; i++)
		if (explanations[i].error == error &&
		    explanations[i].calls >> call & 1)
			return explanations[i].text;
	return "This call is not known to return this error: errno(3) has its "
	       "general meaning.";
}
