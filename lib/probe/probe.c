/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What works here.
 *
 * The kernel checks an operation in this order: io_submit_one() its resfd,
 * __io_submit_one() its opcode, aio_prep_rw() its priority and rw_flags, and
 * only then aio_read() or aio_write() how the file is open. So a read from the
 * write end of a pipe is -EBADF if the kernel knows everything that it checked
 * before, and another error if not; and no data moves either way.
 */
#include <kaio/prep.h>
#include <kaio/probe.h>
#include <kaio/ring.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More than try_all() has in flight, even if the kernel takes everything. */
#define DEPTH 16

/* A bit of rw_flags that no kernel knows. */
#define RWF_UNKNOWN (1 << 30)

struct trial {
	kaio_context_t ctx;
	int reader, writer; /* of a pipe that stays empty */
	int memfd;	    /* -1: none */
	int error;	    /* what kept an operation from being tried */
};

/* -EINVAL is about the context: the system call exists. */
static int presence(int ret)
{
	return ret == -EINVAL ? 0 : ret;
}

static void try_calls(struct kaio_probe *probe)
{
	const struct timespec zero = { 0, 0 };
	struct kaio_event event;
	kaio_context_t ctx = 0;
	struct kaio_iocb iocb;

	memset(&iocb, 0, sizeof(iocb));
	probe->setup = presence(kaio_setup(0, &ctx));
	probe->destroy = presence(kaio_destroy(0));
	probe->submit = presence(kaio_submit(0, 0, NULL));
	probe->cancel = presence(kaio_cancel(0, &iocb, &event));
	probe->getevents = presence(kaio_getevents(0, 0, 1, &event, &zero));
	probe->pgetevents =
		presence(kaio_pgetevents(0, 0, 1, &event, &zero, NULL));
}

static int submit(struct trial *trial, struct kaio_iocb *iocb)
{
	int ret = kaio_submit(trial->ctx, 1, &iocb);

	/* There is room: -EAGAIN, too, is about memory. */
	if (ret == -EAGAIN || ret == -ENOMEM)
		trial->error = -ENOMEM;
	return ret;
}

/* Accepted, or refused only because of the pipe's end. */
static bool is_known(int ret)
{
	return ret == 1 || ret == -EBADF;
}

static void try_ring(struct trial *trial, struct kaio_probe *probe)
{
	struct kaio_event event = { 0 };
	struct kaio_iocb iocb;
	struct kaio_ring ring;
	char nothing;

	/* Complete when io_submit returns, as pipe_read() has nothing to do. */
	kaio_prep_pread(&iocb, trial->reader, &nothing, 0, 0);
	if (kaio_ring_attach(&ring, trial->ctx) == 0 &&
	    submit(trial, &iocb) == 1 &&
	    kaio_ring_reap(&ring, &event, 1) == 1 &&
	    kaio_event_iocb(&event) == &iocb && event.res == 0)
		probe->ring = 0;
}

static void try_opcode(struct trial *trial, struct kaio_probe *probe,
		       unsigned opcode, int fd, uint64_t buf)
{
	struct kaio_iocb iocb;

	kaio_prep_iocb(&iocb, opcode, fd, buf, 0, 0);
	if (is_known(submit(trial, &iocb)))
		probe->opcodes |= 1u << opcode;
}

static void try_opcodes(struct trial *trial, struct kaio_probe *probe)
{
	const uint32_t syncs = 1u << KAIO_OP_FSYNC | 1u << KAIO_OP_FDSYNC;

	try_opcode(trial, probe, KAIO_OP_PREAD, trial->writer, 0);
	try_opcode(trial, probe, KAIO_OP_PREADV, trial->writer, 0);
	try_opcode(trial, probe, KAIO_OP_PWRITE, trial->reader, 0);
	try_opcode(trial, probe, KAIO_OP_PWRITEV, trial->reader, 0);
	try_opcode(trial, probe, KAIO_OP_POLL, trial->writer, POLLOUT);
	if (trial->memfd >= 0) {
		try_opcode(trial, probe, KAIO_OP_FSYNC, trial->memfd, 0);
		try_opcode(trial, probe, KAIO_OP_FDSYNC, trial->memfd, 0);
	} else if (probe->opcodes & 1u << KAIO_OP_POLL) {
		/* A pipe has no fsync; but polls came to AIO later than it. */
		probe->opcodes |= syncs;
	}
}

static void try_cancel(struct trial *trial, struct kaio_probe *probe)
{
	struct kaio_event event;
	struct kaio_iocb iocb;
	int ret = -EINVAL;

	if (probe->cancel < 0)
		return;
	kaio_prep_poll(&iocb, trial->reader, POLLIN);
	if (submit(trial, &iocb) == 1)
		ret = kaio_cancel(trial->ctx, &iocb, &event);
	probe->cancel = ret == -EINPROGRESS ? 0 : ret;
}

static int submit_write(struct trial *trial, int rw_flags, uint32_t flags)
{
	struct kaio_iocb iocb;

	kaio_prep_pwrite(&iocb, trial->reader, NULL, 0, 0);
	iocb.rw_flags = rw_flags;
	iocb.flags = flags;
	/* Not valid, so refused unless ignored: a priority, and an eventfd. */
	iocb.reqprio = (int16_t)-1;
	iocb.resfd = (uint32_t)trial->writer;
	return submit(trial, &iocb);
}

/*
 * kiocb_set_rw_flags() refuses first unknown bits, with -EOPNOTSUPP, then
 * APPEND together with NOAPPEND, with -EINVAL, then what the file does not do,
 * with -EOPNOTSUPP again: with the pair added, the first and the last can be
 * told apart. NOAPPEND is of Linux 6.9, older than all flags that a pipe
 * refuses except NOWAIT; and that is as old as rw_flags.
 */
static void try_rw_flags(struct trial *trial, struct kaio_probe *probe)
{
	const int pair = KAIO_RWF_APPEND | KAIO_RWF_NOAPPEND;
	int flag;

	/* Ignored, as before Linux 4.13? */
	if (submit_write(trial, RWF_UNKNOWN, 0) != -EOPNOTSUPP)
		return;
	for (flag = KAIO_RWF_HIPRI; flag <= KAIO_RWF_NOSIGNAL; flag *= 2)
		if (is_known(submit_write(trial, flag, 0)) ||
		    submit_write(trial, flag | pair, 0) == -EINVAL)
			probe->rw_flags |= (uint32_t)flag;
	if (probe->rw_flags)
		probe->rw_flags |= KAIO_RWF_NOWAIT;
}

static void try_iocb_flags(struct trial *trial, struct kaio_probe *probe)
{
	if (!is_known(submit_write(trial, 0, KAIO_IOCB_RESFD)))
		probe->iocb_flags |= KAIO_IOCB_RESFD;
	if (!is_known(submit_write(trial, 0, KAIO_IOCB_IOPRIO)))
		probe->iocb_flags |= KAIO_IOCB_IOPRIO;
}

static int open_files(struct trial *trial)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	trial->reader = ends[0];
	trial->writer = ends[1];
	trial->memfd = memfd_create("libkaio", MFD_CLOEXEC);
	if (trial->memfd < 0 && (errno == EMFILE || errno == ENFILE))
		return -errno;
	return 0;
}

/* Not close, a cancellation point: the other files would stay open. */
static void close_files(const struct trial *trial)
{
	const int files[] = { trial->memfd, trial->reader, trial->writer };
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i] >= 0)
			syscall(SYS_close, files[i]);
}

static int try_all(struct trial *trial, struct kaio_probe *probe)
{
	probe->setup = kaio_setup(DEPTH, &trial->ctx);
	if (probe->setup < 0)
		return probe->setup;
	try_ring(trial, probe);
	try_opcodes(trial, probe);
	try_cancel(trial, probe);
	try_rw_flags(trial, probe);
	try_iocb_flags(trial, probe);
	kaio_destroy(trial->ctx);
	if (trial->error < 0)
		return trial->error;
	return probe->ring < 0 && probe->getevents < 0 && probe->pgetevents < 0
		       ? -ENOSYS
		       : 0;
}

__attribute__((cold)) int kaio_probe_system(struct kaio_probe *probe)
{
	struct trial trial = { .reader = -1, .writer = -1, .memfd = -1 };
	int saved = errno;
	int ret;

	if (!probe)
		return -EINVAL;
	memset(probe, 0, sizeof(*probe));
	probe->ring = -ENOTSUP;
	try_calls(probe);
	/* Without io_destroy, the context would stay. */
	if (probe->setup < 0 || probe->destroy < 0 || probe->submit < 0)
		return -ENOSYS;
	ret = open_files(&trial);
	if (ret == 0)
		ret = try_all(&trial, probe);
	close_files(&trial);
	errno = saved;
	return ret;
}
