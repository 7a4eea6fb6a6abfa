/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Transfers. */
#include "soak.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	POSTED_AGAIN,
	WAITED_FOR,
	CANCELLED,
	RELEASED,
	NR_USES
};
enum {
	IDLE,
	ACTIVE
};

/* Where the blocks of one operation begin. */
static unsigned first_block(const struct batch *batch, unsigned op)
{
	return op * BATCH_BLOCKS / batch->nr_ops;
}

static unsigned nr_blocks(const struct batch *batch, unsigned op)
{
	return first_block(batch, op + 1) - first_block(batch, op);
}

static char *buffer_of(const struct batch *batch, unsigned block)
{
	return batch->buffer + (size_t)block * BLOCK;
}

/* What the buffer has before each post. */
static void set_buffer(struct batch *batch)
{
	if (batch->writes)
		range_fill(&batch->range, 0, BATCH_BLOCKS, batch->buffer);
	else
		memset(batch->buffer, 0, (size_t)BATCH_BLOCKS * BLOCK);
}

static void check_op(struct batch *batch, unsigned op, bool *unsettled)
{
	unsigned block = first_block(batch, op);
	unsigned nr = nr_blocks(batch, op);
	int64_t result = kaio_transfer_result(batch->transfer, op);

	if (result == -ECANCELED && batch->cancelled) {
		COUNT_UP(canceled);
		*unsettled |= batch->writes;
	} else if (result != (int64_t)nr * BLOCK) {
		soak_wrong("operation %u of a transfer: %lld", op,
			   (long long)result);
	} else if (batch->writes) {
		range_is_written(&batch->range, block, nr);
	} else {
		range_check(&batch->range, block, nr, buffer_of(batch, block));
	}
}

static void check(struct batch *batch, int status)
{
	bool unsettled = false;
	unsigned op;

	COUNT_UP(posts);
	if (status != 0 && !(status == -ECANCELED && batch->cancelled))
		soak_wrong("a transfer: %d", status);
	for (op = 0; op < batch->nr_ops; op++) {
		check_op(batch, op, &unsettled);
		COUNT_UP(operations);
	}
	/* What was unsettled, a whole read has settled. */
	if (batch->writes || status == 0)
		batch->range.unsettled = unsettled;
	if (status == 0 &&
	    kaio_transfer_bytes(batch->transfer) != BATCH_BLOCKS * BLOCK)
		soak_wrong("the bytes of a transfer");
}

static void end(struct batch *batch)
{
	int ret = kaio_transfer_release(batch->transfer);

	if (ret < 0)
		soak_wrong("kaio_transfer_release: %d", ret);
	__atomic_store_n(&batch->state, IDLE, __ATOMIC_RELEASE);
}

static void post(struct batch *batch)
{
	int ret;

	set_buffer(batch);
	ret = kaio_transfer_post(batch->transfer);
	if (ret < 0) {
		soak_wrong("kaio_transfer_post: %d", ret);
		end(batch);
	}
}

static void done(struct kaio_transfer *transfer, int status, void *data)
{
	struct batch *batch = data;

	if (transfer != batch->transfer)
		soak_wrong("a callback for another transfer");
	check(batch, status);
	if (batch->again-- > 0)
		post(batch);
	else
		end(batch);
}

static void prepare(struct batch *batch, unsigned op)
{
	struct kaio_iocb *iocb = kaio_transfer_iocb(batch->transfer, op);
	unsigned first = first_block(batch, op);
	unsigned nr = nr_blocks(batch, op);
	int fd = file_fd(&batch->range);
	int64_t offset = (int64_t)range_offset(&batch->range, first);
	unsigned i;

	for (i = first; i < first + nr; i++)
		batch->iov[i] = (struct iovec){ buffer_of(batch, i), BLOCK };
	if (batch->writes && op % 2)
		kaio_prep_pwrite(iocb, fd, buffer_of(batch, first),
				 (size_t)nr * BLOCK, offset);
	else if (batch->writes)
		kaio_prep_pwritev(iocb, fd, &batch->iov[first], (int)nr,
				  offset);
	else if (op % 2)
		kaio_prep_pread(iocb, fd, buffer_of(batch, first),
				(size_t)nr * BLOCK, offset);
	else
		kaio_prep_preadv(iocb, fd, &batch->iov[first], (int)nr, offset);
}

void batch_init(struct batch *batch, struct worker *worker, unsigned file,
		unsigned first)
{
	batch->worker = worker;
	range_init(&batch->range, file, first);
	batch->buffer = aligned_alloc(BLOCK, (size_t)BATCH_BLOCKS * BLOCK);
	if (!batch->buffer)
		abort();
}

bool batch_is_idle(const struct batch *batch)
{
	return __atomic_load_n(&batch->state, __ATOMIC_ACQUIRE) == IDLE;
}

/* Its buffer is the caller's again when nothing is in flight. */
static void release_active(struct batch *batch)
{
	kaio_transfer_release(batch->transfer);
	worker_drain(batch->worker);
	batch->range.unsettled |= batch->writes;
	__atomic_store_n(&batch->state, IDLE, __ATOMIC_RELEASE);
}

void batch_start(struct batch *batch)
{
	struct kaio_transfer_params params = { 0 };
	unsigned op;
	int ret;

	/* In a shared queue something is always in flight. */
	batch->use = soak_random(batch->worker->shared ? RELEASED : NR_USES);
	batch->nr_ops = 1 + soak_random(BATCH_BLOCKS);
	batch->writes = !batch->range.unsettled && soak_random(2);
	batch->again = soak_random(4);
	batch->cancelled = false;
	if (batch->use == POSTED_AGAIN) {
		params.done = done;
		params.data = batch;
	}
	ret = kaio_transfer_create(&batch->transfer, batch->worker->queue,
				   batch->nr_ops, &params);
	if (ret < 0) {
		soak_wrong("kaio_transfer_create: %d", ret);
		return;
	}
	for (op = 0; op < batch->nr_ops; op++)
		prepare(batch, op);
	__atomic_store_n(&batch->state, ACTIVE, __ATOMIC_RELEASE);
	post(batch);
	if (batch->use == RELEASED && !batch_is_idle(batch))
		release_active(batch);
}

void batch_go_on(struct batch *batch)
{
	int ret;

	/* Another thread may call done, and use it there. */
	if (batch_is_idle(batch) || batch->use == POSTED_AGAIN)
		return;
	if (batch->use == CANCELLED && !batch->cancelled) {
		batch->cancelled = true;
		ret = kaio_transfer_cancel(batch->transfer);
		if (ret < 0)
			soak_wrong("kaio_transfer_cancel: %d", ret);
	}
	if (soak_random(2))
		ret = kaio_transfer_wait(batch->transfer, 1000000);
	else
		ret = kaio_transfer_test(batch->transfer);
	if (kaio_transfer_active(batch->transfer))
		return;
	check(batch, kaio_transfer_test(batch->transfer));
	end(batch);
}
