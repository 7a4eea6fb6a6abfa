/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Calls on transfers. */
#include "model.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static void prepare(struct part *part, unsigned how)
{
	struct kaio_iocb *iocb = part->iocb;
	char *buffer = (char *)((uintptr_t)(1 + how) << 32);
	int fd = how & 8 ? FD_DIRECT : FD_GOOD;
	size_t size = how & 16 ? 3 * SECTOR : 100;
	int64_t offset = how & 32 ? 1 << 20 : 0;
	unsigned i;

	for (i = 0; i < 3; i++)
		part->iov[i] = (struct iovec){ buffer + i * SECTOR,
					       i * (how >> 6) * 50 };
	part->size = size;
	switch (how & 7) {
	case 0:
		kaio_prep_pread(iocb, fd, buffer, size, offset);
		break;
	case 1:
		kaio_prep_pwrite(iocb, fd, buffer, size, offset);
		break;
	case 2:
		kaio_prep_fsync(iocb, fd);
		break;
	case 3:
		kaio_prep_poll(iocb, fd, POLLIN);
		break;
	case 4:
		kaio_prep_pread(iocb, FD_BAD, buffer, size, offset);
		break;
	default:
		kaio_prep_preadv(iocb, fd, part->iov, 3, offset);
		if (how & 1)
			iocb->lio_opcode = KAIO_OP_PWRITEV;
		part->size = (how >> 6) * 150;
	}
}

void request_done(struct kaio_transfer *transfer, int status, void *data)
{
	struct request *request = data;
	unsigned what = request->action & 3;

	expect(!kernel.locked, "a callback with the lock");
	expect(request->transfer == transfer && request->active,
	       "done is called for no post");
	expect(CALL(kaio_transfer_active(transfer)) == 0,
	       "done is called for an active transfer");
	request->dones++;
	request_verify(request, status);
	request->action >>= 2;
	model.others++;
	if (model.ends || !what || model.gone)
		return;
	model.callbacks++;
	if (what == 1)
		request_call(1, (unsigned)(request - model.requests), false);
	else if (what == 2)
		request_release(request);
	else
		CALL(kaio_queue_submit(model.queue));
	model.callbacks--;
}

void request_create(unsigned how)
{
	struct request *request = model.requests + model.nr_requests;
	struct kaio_transfer_params params = { 0 };
	unsigned i;
	int ret;

	if (model.nr_requests == TRANSFERS)
		return;
	request->nr = 1 + how % TRANSFER_OPS;
	request->eof_ok = how & 64;
	request->has_done = how & 128;
	params.flags = request->eof_ok ? KAIO_TRANSFER_EOF_OK : 0;
	params.done = request->has_done ? request_done : NULL;
	params.data = request;
	ret = (int)CALL(kaio_transfer_create(&request->transfer, model.queue,
					     request->nr, &params));
	expect(ret == 0, "a transfer is not created");
	request->action = input_call();
	for (i = 0; i < request->nr; i++) {
		struct part *part = request->parts + i;

		part->iocb = kaio_transfer_iocb(request->transfer, i);
		prepare(part, input_call());
		kaio_iocb_set_data64(
			part->iocb,
			DATA_TRANSFER + DATA_PER_TRANSFER * model.nr_requests +
				i);
		part->prepared = *part->iocb;
	}
	model.nr_requests++;
}

static void begin(struct request *request)
{
	unsigned i;

	for (i = 0; i < request->nr; i++) {
		struct part *part = request->parts + i;

		part->unit = (struct unit){ .state = QUEUED };
		part->moved = 0;
		part->finished = part->at_eof = false;
	}
	request->first = 0;
	request->active = request->posted = true;
	request->cancelled = false;
}

static void post(struct request *request)
{
	bool active;
	int ret;

	if (!model.gone)
		request_check(request);
	active = request->active;
	if (!active && !model.gone)
		begin(request);
	ret = (int)CALL(kaio_transfer_post(request->transfer));
	if (!model.gone)
		expect(ret == (active ? -EBUSY : 0), "what post returns");
	if (ret == 0)
		request->posts++;
}

/* What test or wait returned, of a transfer that may be released by now. */
static void check_status(struct request *request, int ret, bool is_wait,
			 unsigned interruptions, unsigned refused_calls)
{
	if (!request->posted) {
		expect(ret == -EINVAL, "the status of no post");
		return;
	}
	if (!request->transfer) {
		expect(ret == -ECANCELED, "the status of one released");
		return;
	}
	request_check(request);
	/* A callback may have waited for the next post meanwhile. */
	if (is_wait && request->over_in_wait)
		expect(ret == request->status_of_wait || ret == request->status,
		       "what wait returns");
	else if (!request->active)
		expect(ret == request->status, "another status than before");
	else
		expect(ret == -EINPROGRESS ||
			       (ret == -EINTR && is_wait &&
				interruptions != kernel.interruptions) ||
			       ((ret == -EPERM || ret == -ENOSYS) &&
				refused_calls != kernel.refused_calls),
		       "the status of an active transfer");
}

static int test_or_wait(struct request *request, bool is_wait, int64_t timeout)
{
	bool takes_wakes = model.takes_wakes;
	int ret;

	model.takes_wakes = true;
	if (is_wait)
		ret = (int)CALL(kaio_transfer_wait(request->transfer, timeout));
	else
		ret = (int)CALL(kaio_transfer_test(request->transfer));
	model.takes_wakes = takes_wakes;
	return ret;
}

/* A callback may leave it by longjmp. */
static void drive(struct request *request, bool is_wait, int64_t timeout)
{
	const unsigned interruptions = kernel.interruptions;
	const unsigned refused_calls = kernel.refused_calls;
	const unsigned callbacks = model.callbacks;
	const bool in_call = request->in_call;
	jmp_buf *const outer = model.escape;
	jmp_buf here;
	int ret;

	request->over_in_wait = !request->active;
	request->status_of_wait = request->status;
	request->in_call = true;
	model.escape = &here;
	if (setjmp(here)) {
		model.callbacks = callbacks;
	} else {
		ret = test_or_wait(request, is_wait, timeout);
		if (!model.gone)
			check_status(request, ret, is_wait && timeout,
				     interruptions, refused_calls);
		expect(model.gone || ret != -EINPROGRESS || !is_wait ||
			       timeout >= 0 || model.may_wake ||
			       refused_calls != kernel.refused_calls,
		       "a wait for a transfer ends before it is over");
	}
	request->in_call = in_call;
	model.escape = outer;
	if (is_wait && timeout)
		model.woken = false;
}

void request_release(struct request *request)
{
	struct kaio_transfer *transfer = request->transfer;

	request->cancelled = true;
	request->transfer = NULL;
	expect(CALL(kaio_transfer_release(transfer)) == 0, "release");
}

static void cancel(struct request *request)
{
	if (request->active)
		request->cancelled = true;
	CALL(kaio_transfer_cancel(request->transfer));
}

/* One of its operations, by the queue. */
static void cancel_part(struct request *request)
{
	unsigned index = input_call() % request->nr;
	struct part *part = request->parts + index;
	int ret = (int)CALL(kaio_queue_cancel(model.queue, part->iocb));

	if (ret == 0 && part->unit.state == QUEUED) {
		part->unit.state = IN_KERNEL;
		request_result(part->prepared.data, -ECANCELED);
	}
}

void request_call(unsigned what, unsigned which, bool may_wait)
{
	struct request *request;

	if (!model.nr_requests)
		return;
	request = model.requests + which % model.nr_requests;
	trace("transfer %u:", which % model.nr_requests);
	if (!request->transfer || (model.other_thread && request->in_call))
		return;
	switch (what) {
	case 1:
		post(request);
		break;
	case 2:
		cancel(request);
		break;
	case 3:
		request_release(request);
		break;
	case 4:
		cancel_part(request);
		break;
	case 5:
		if (may_wait)
			drive(request, false, 0);
		break;
	default:
		if (may_wait)
			drive(request, true, queue_timeout(input_call()));
	}
}
