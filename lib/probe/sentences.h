/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * SENTENCE(calls, error, text), for kaio_explain(). The first entry that
 * matches counts; those for every call come last.
 */

SENTENCE(CALL(SETUP), EFAULT,
	 "The pointer to the context handle is not valid memory.")
SENTENCE(CALL(SETUP), EINVAL,
	 "The number of operations is not 1 to 4194304, or the context handle "
	 "was not set to 0 before.")
SENTENCE(CALL(SETUP) | CALL(QUEUE_CREATE) | CALL(PROBE_SYSTEM), EAGAIN,
	 "The limit fs.aio-max-nr is used up: raise it with sysctl, ask for a "
	 "smaller depth, or destroy contexts.")
SENTENCE(CALL(SETUP) | CALL(QUEUE_CREATE) | CALL(TRANSFER_CREATE) |
		 CALL(PROBE_SYSTEM),
	 ENOMEM, "There is no memory for this: ask for fewer operations.")
SENTENCE(CALL(SETUP), EINTR,
	 "A fatal signal came: the process is about to end.")
SENTENCE(CALL(SETUP) | CALL(QUEUE_CREATE), ENOSYS,
	 "The kernel was built without AIO, or a policy hides it: allow "
	 "io_setup, or use pread and pwrite.")
SENTENCE(CALL(SETUP) | CALL(QUEUE_CREATE), EPERM,
	 "A security policy, such as a container's seccomp profile, forbids "
	 "io_setup: allow the io_* system calls of AIO, or use pread and "
	 "pwrite.")
SENTENCE(CALL(DESTROY), EINVAL,
	 "This process has no such context, or no longer.")
SENTENCE(CALL(CANCEL), EINPROGRESS,
	 "The operation is cancelled: collect its completion as usual.")
SENTENCE(CALL(CANCEL), EINVAL,
	 "The operation is no poll in flight, or the context does not exist.")
SENTENCE(CALL(CANCEL), EFAULT,
	 "The operation is not at the address it was submitted from.")
SENTENCE(GETEVENTS, EINVAL,
	 "The context does not exist or was destroyed meanwhile, the numbers "
	 "are not 0 <= min_nr <= nr, or the timeout is not a valid time.")
SENTENCE(GETEVENTS, EFAULT,
	 "The array or the signal mask is not valid memory; nothing is lost.")
SENTENCE(CALL(PGETEVENTS), ENOSYS,
	 "There is no io_pgetevents here: use kaio_getevents.")
SENTENCE(CALL(PGETEVENTS), EPERM,
	 "A security policy forbids io_pgetevents: use kaio_getevents.")
SENTENCE(CALL(GETEVENTS), EPERM,
	 "A policy forbids io_getevents: use kaio_pgetevents or the ring.")
SENTENCE(GETEVENTS | WAITS | CALL(TRANSFER_WAIT), EINTR,
	 "A signal interrupted the wait, and nothing is lost: call again.")
SENTENCE(CALL(RING_ATTACH), ENOTSUP,
	 "There is no ring that the library knows: use kaio_getevents.")

/* Calls that return errors of their own as well as those of operations. */
SENTENCE(STATUS | CALL(TRANSFER_RESULT), EINPROGRESS,
	 "It is not complete: ask again later.")
SENTENCE(STATUS | CALL(TRANSFER_RESULT), EINVAL,
	 "The kernel refused an operation's alignment, number of iovecs, "
	 "offset or file; or the transfer was never posted, an argument is out "
	 "of range, or the queue's context is gone.")
SENTENCE(STATUS, EPERM,
	 "An operation is not permitted on its file, or a security policy "
	 "forbids a system call of AIO: kaio_transfer_active returns 1 after "
	 "the latter.")
SENTENCE(STATUS, ENODATA,
	 "A read met the end of the file, which KAIO_TRANSFER_EOF_OK would "
	 "allow, or the medium has lost the data: kaio_transfer_result tells "
	 "which.")

/* Operations, as they are submitted and as they complete. */
SENTENCE(CALL(SUBMIT), EAGAIN,
	 "The context has no room, or the kernel no memory: collect "
	 "completions, then submit the rest again.")
SENTENCE(RESULT, EAGAIN,
	 "The operation would have had to wait, or the kernel had no memory: "
	 "do it later, or without KAIO_RWF_NOWAIT or O_NONBLOCK.")
SENTENCE(CALL(SUBMIT) | RESULT, EBADF,
	 "The file or eventfd is not open, or not open for this direction.")
SENTENCE(CALL(SUBMIT) | RESULT, EFAULT,
	 "The array, an operation, its iovecs or its buffers are not valid "
	 "memory, or the operation cannot be written.")
SENTENCE(CALL(SUBMIT), EINVAL,
	 "The context does not exist, or the operation has a bad opcode, "
	 "offset, size, priority or eventfd, or its file cannot do it: submit "
	 "0 operations to see whether it is the context.")
SENTENCE(RESULT, EINVAL,
	 "O_DIRECT asks for another alignment (see kaio_get_file_info), the "
	 "opcode, offset, priority, eventfd or number of iovecs (1024 at most) "
	 "is not valid, or the file cannot do this.")
SENTENCE(CALL(SUBMIT) | RESULT, ENOMEM,
	 "The kernel has no memory for this operation: do it later.")
SENTENCE(CALL(SUBMIT) | RESULT, EOPNOTSUPP,
	 "The kernel or this file does not know one of the rw_flags: "
	 "kaio_probe_system tells which the kernel knows.")
SENTENCE(CALL(SUBMIT) | RESULT, EPERM,
	 "The file does not permit it (it may be sealed or immutable), the "
	 "priority class is not allowed to this process, or a security policy "
	 "forbids io_submit.")
SENTENCE(CALL(SUBMIT) | RESULT, EOVERFLOW,
	 "Offset and size together are more than the kernel can count.")
SENTENCE(RESULT, ECANCELED,
	 "The operation was cancelled, or its queue or transfer ended.")
SENTENCE(RESULT, EINTR,
	 "A signal came before the operation moved any data: do it again.")
SENTENCE(RESULT, EIO,
	 "The device or file system failed: see the kernel's log; after a "
	 "failed fsync, write the data again.")
SENTENCE(RESULT, ENODATA, "The medium has lost the data: see the kernel's log.")
SENTENCE(RESULT, EILSEQ,
	 "The data failed its checksum: see the kernel's log, and restore it.")
SENTENCE(RESULT, ENOSPC,
	 "The file system or device is full, or a write moved nothing and the "
	 "kernel gave no reason.")
SENTENCE(RESULT, EDQUOT, "The disk quota is used up.")
SENTENCE(RESULT, EFBIG,
	 "The file would exceed RLIMIT_FSIZE or what its file system allows.")
SENTENCE(RESULT, EPIPE,
	 "Nobody reads from the other end of the pipe or socket.")
SENTENCE(RESULT, ENODEV, "The device was removed, or its driver gave up.")
SENTENCE(RESULT, ESTALE, "The file was removed on its server: open it again.")
SENTENCE(RESULT, ETIMEDOUT,
	 "The device or server did not answer: see the kernel's log.")

SENTENCE(QUEUE | TRANSFER, ECHILD,
	 "The queue is the parent process's: create another in the child.")
SENTENCE(CALL(QUEUE_CREATE), EINVAL,
	 "The depth is not 1 to 4194304, depth and backlog exceed INT_MAX, or "
	 "the parameters have an unknown flag or a reserved member set.")
SENTENCE(CALL(QUEUE_CREATE), ENOTSUP,
	 "The kernel has no polls, as before Linux 4.19: leave out "
	 "KAIO_QUEUE_WAKE and KAIO_QUEUE_SHARED.")
SENTENCE(CALL(QUEUE_CREATE) | CALL(PROBE_SYSTEM) | CALL(GET_LIMITS), EMFILE,
	 "This process has no file descriptors left: raise RLIMIT_NOFILE.")
SENTENCE(CALL(QUEUE_CREATE) | CALL(PROBE_SYSTEM) | CALL(GET_LIMITS), ENFILE,
	 "The system has no file descriptors left: raise fs.file-max.")
SENTENCE(CALL(QUEUE_PUSH), EINVAL,
	 "The queue or the operation is NULL, the queue's context is gone, or "
	 "the operation has an eventfd of its own under KAIO_QUEUE_EVENTFD.")
SENTENCE(CALL(QUEUE_PUSH), ENOBUFS,
	 "Depth and backlog are used up: collect, then push it again.")
SENTENCE(CALL(QUEUE_WAKE) | CALL(QUEUE_EVENTFD), EINVAL,
	 "The queue is NULL, its context is gone, or it was created without "
	 "the flag for this: KAIO_QUEUE_WAKE or KAIO_QUEUE_EVENTFD.")
SENTENCE(CALL(QUEUE_CANCEL), EBUSY,
	 "The operation is not in the backlog, and the kernel does not cancel "
	 "it: it completes by itself, or is not there at all.")
SENTENCE(CALL(TRANSFER_CREATE), EINVAL,
	 "A pointer is NULL, there are no operations, or the parameters have "
	 "an unknown flag or a reserved member set.")
SENTENCE(QUEUE | TRANSFER, EINVAL,
	 "A pointer is NULL, a number or the timeout is out of range, or "
	 "somebody else destroyed the queue's context.")
SENTENCE(CALL(QUEUE_REAP) | WAITS, EPERM,
	 "A security policy forbids io_getevents and io_pgetevents: allow one "
	 "of them; a queue with the ring still collects without waiting.")
SENTENCE(CALL(QUEUE_REAP) | WAITS | STATUS, ENOSYS,
	 "A policy hides io_getevents and io_pgetevents: allow one of them.")
SENTENCE(CALL(QUEUE_DRAIN), ETIMEDOUT,
	 "Operations are still outstanding, and nothing is lost: call again.")

SENTENCE(CALL(TRANSFER_POST), EBUSY,
	 "The transfer is active: wait for it, then post it again.")
SENTENCE(CALL(TRANSFER_POST), ECANCELED,
	 "The queue was destroyed: release the transfer.")

SENTENCE(CALL(PROBE_SYSTEM) | CALL(GET_LIMITS) | CALL(GET_FILE_INFO), EINVAL,
	 "The pointer to the structure is NULL.")
SENTENCE(CALL(PROBE_SYSTEM), ENOSYS,
	 "AIO cannot be used: the kernel has none, or a security policy "
	 "refuses a system call; struct kaio_probe tells which.")
SENTENCE(CALL(GET_LIMITS), ENOENT,
	 "/proc is not mounted, or the kernel was built without AIO.")
SENTENCE(CALL(GET_LIMITS), EACCES,
	 "A security policy forbids reading /proc/sys/fs/aio-nr.")
SENTENCE(CALL(GET_LIMITS), ENODATA,
	 "/proc/sys/fs/aio-nr or aio-max-nr holds no number.")
SENTENCE(CALL(GET_FILE_INFO), EBADF,
	 "The file descriptor is not open, or was opened with O_PATH.")
SENTENCE(EVERY_CALL, ENOSYS,
	 "The kernel was built without this system call, or a policy hides it.")
SENTENCE(EVERY_CALL, EPERM,
	 "A security policy, such as a container's seccomp profile, forbids "
	 "this system call: allow it.")
