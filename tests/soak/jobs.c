/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Single operations of all kinds. */
#include "soak.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

enum {
	READ,
	WRITE,
	READV,
	WRITEV,
	FSYNC,
	FDSYNC,
	POLL,
	BAD
};
enum {
	IDLE,
	BUSY,
	COMPLETES
};

static bool reads(const struct job *job)
{
	return job->kind == READ || job->kind == READV;
}

static bool writes(const struct job *job)
{
	return job->kind == WRITE || job->kind == WRITEV;
}

static bool is_right(const struct job *job, int64_t res)
{
	switch (job->kind) {
	case FSYNC:
	case FDSYNC:
		return res == 0;
	case POLL:
		return res & POLLIN || (res == 0 && job->may_be_cancelled);
	case BAD:
		return res == -EBADF;
	default:
		return res == (int64_t)job->nr * BLOCK;
	}
}

static void complete(struct kaio_op *op, int64_t res)
{
	struct job *job = (struct job *)op;
	int state =
		__atomic_exchange_n(&job->state, COMPLETES, __ATOMIC_ACQUIRE);
	uint64_t count;

	COUNT_UP(operations);
	if (state != BUSY) {
		soak_wrong("a completion of an operation that has none");
	} else if (res == -ECANCELED && job->may_be_cancelled) {
		/* In the backlog: nothing of it was done. */
		COUNT_UP(canceled);
	} else if (!is_right(job, res)) {
		soak_wrong("kind %u, %u blocks: %lld", job->kind, job->nr,
			   (long long)res);
	} else if (reads(job)) {
		range_check(&job->range, job->block, job->nr, job->buffer);
	} else if (writes(job)) {
		range_is_written(&job->range, job->block, job->nr);
	}
	if (job->kind == POLL)
		eventfd_read(job->eventfd, &count);
	__atomic_store_n(&job->state, IDLE, __ATOMIC_RELEASE);
}

void job_init(struct job *job, struct worker *worker, unsigned file,
	      unsigned first)
{
	job->op.complete = complete;
	job->worker = worker;
	range_init(&job->range, file, first);
	job->buffer = aligned_alloc(BLOCK, (size_t)JOB_BLOCKS * BLOCK);
	job->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!job->buffer || job->eventfd < 0)
		abort();
}

bool job_is_idle(const struct job *job)
{
	return __atomic_load_n(&job->state, __ATOMIC_ACQUIRE) == IDLE;
}

/* The blocks in pieces of one or two. */
static unsigned split(struct job *job)
{
	char *at = job->buffer;
	size_t left = (size_t)job->nr * BLOCK;
	unsigned n;

	for (n = 0; left; n++) {
		size_t size =
			left > BLOCK ? BLOCK * (1 + soak_random(2)) : left;

		job->iov[n] = (struct iovec){ at, size };
		at += size;
		left -= size;
	}
	return n;
}

static unsigned choose(void)
{
	unsigned number = soak_random(256);

	return number < 200   ? number % 4
	       : number < 202 ? FSYNC
	       : number < 206 ? FDSYNC
	       : number < 246 ? POLL
			      : BAD;
}

static void prepare(struct job *job)
{
	struct kaio_iocb *iocb = &job->op.iocb;
	int fd = file_fd(&job->range);
	uint64_t offset;
	size_t size;

	job->nr = 1 + soak_random(JOB_BLOCKS);
	job->block = soak_random(JOB_BLOCKS - job->nr + 1);
	size = (size_t)job->nr * BLOCK;
	offset = range_offset(&job->range, job->block);
	if (reads(job))
		memset(job->buffer, 0, size);
	if (writes(job))
		range_fill(&job->range, job->block, job->nr, job->buffer);
	if (job->kind == READ)
		kaio_prep_pread(iocb, fd, job->buffer, size, (int64_t)offset);
	else if (job->kind == WRITE)
		kaio_prep_pwrite(iocb, fd, job->buffer, size, (int64_t)offset);
	else if (job->kind == READV)
		kaio_prep_preadv(iocb, fd, job->iov, (int)split(job),
				 (int64_t)offset);
	else if (job->kind == WRITEV)
		kaio_prep_pwritev(iocb, fd, job->iov, (int)split(job),
				  (int64_t)offset);
	else if (job->kind == FSYNC)
		kaio_prep_fsync(iocb, fd);
	else if (job->kind == FDSYNC)
		kaio_prep_fdsync(iocb, fd);
	else if (job->kind == POLL)
		kaio_prep_poll(iocb, job->eventfd, POLLIN);
	else
		kaio_prep_pread(iocb, -1, job->buffer, size, 0);
}

static void cancel(struct job *job)
{
	int ret = kaio_queue_cancel(job->worker->queue, &job->op.iocb);

	if (ret != 0 && ret != -EBUSY)
		soak_wrong("kaio_queue_cancel: %d", ret);
}

void job_start(struct job *job)
{
	int ret;

	job->kind = choose();
	job->may_be_cancelled = job->kind == POLL || !soak_random(32);
	prepare(job);
	__atomic_store_n(&job->state, BUSY, __ATOMIC_RELEASE);
	ret = kaio_queue_push(job->worker->queue, &job->op.iocb);
	if (ret < 0) {
		__atomic_store_n(&job->state, IDLE, __ATOMIC_RELEASE);
		if (ret != -ENOBUFS)
			soak_wrong("kaio_queue_push: %d", ret);
	} else if (job->may_be_cancelled && job->kind != POLL) {
		cancel(job);
	}
}

/* Another thread of a shared queue may complete it meanwhile. */
void job_end_poll(struct job *job)
{
	if (job_is_idle(job) || job->kind != POLL)
		return;
	if (soak_random(2))
		eventfd_write(job->eventfd, 1);
	else
		cancel(job);
}
