/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Transfers: what the kernel must get, and what comes out. */
#include "model.h"

#include <errno.h>
#include <string.h>

/* As seam.c has it of every file. */
#define FILE_SIZE (1 << 20)

struct request *request_of(uint64_t data)
{
	return model.requests + (data - DATA_TRANSFER) / DATA_PER_TRANSFER;
}

struct part *request_part_of(uint64_t data)
{
	return request_of(data)->parts +
	       (data - DATA_TRANSFER) % DATA_PER_TRANSFER;
}

static bool moves_data(const struct part *part)
{
	unsigned opcode = part->prepared.lio_opcode;

	return opcode <= KAIO_OP_PWRITE || opcode >= KAIO_OP_PREADV;
}

static bool is_read(const struct part *part)
{
	return part->prepared.lio_opcode == KAIO_OP_PREAD ||
	       part->prepared.lio_opcode == KAIO_OP_PREADV;
}

/* The buffers, one after the other, of an iocb: how many. */
static unsigned buffers_of(const struct kaio_iocb *iocb, struct iovec *buffers)
{
	if (iocb->lio_opcode < KAIO_OP_PREADV) {
		*buffers = (struct iovec){ (void *)(uintptr_t)iocb->buf,
					   iocb->nbytes };
		return 1;
	}
	expect(iocb->nbytes <= 3, "more iovecs than there are");
	memcpy(buffers, (void *)(uintptr_t)iocb->buf,
	       iocb->nbytes * sizeof(*buffers));
	return (unsigned)iocb->nbytes;
}

/* The kernel gets the bytes that follow those that were moved, and only them.
 */
static void check_bytes(const struct part *part, const struct kaio_iocb *iocb)
{
	struct iovec all[3];
	struct iovec asked[3];
	unsigned nr_all = buffers_of(&part->prepared, all);
	unsigned nr_asked = buffers_of(iocb, asked);
	uint64_t skip = part->moved;
	unsigned i = 0;
	unsigned j;

	expect(iocb->offset == part->prepared.offset + (int64_t)part->moved,
	       "continues elsewhere in the file");
	for (; i < nr_all && skip >= all[i].iov_len; i++)
		skip -= all[i].iov_len;
	for (j = 0; j < nr_asked; j++) {
		if (!asked[j].iov_len)
			continue;
		while (i < nr_all && !all[i].iov_len)
			i++;
		expect(i < nr_all &&
			       asked[j].iov_base ==
				       (char *)all[i].iov_base + skip &&
			       asked[j].iov_len == all[i].iov_len - skip,
		       "continues elsewhere in memory");
		skip = 0;
		i++;
	}
	expect(!part->moved || nr_asked, "continues with nothing");
}

void request_taken(const struct kaio_iocb *iocb)
{
	struct request *request = request_of(iocb->data);
	struct part *part = request_part_of(iocb->data);
	unsigned index = (unsigned)(part - request->parts);

	expect(part->iocb == iocb, "an operation that is none");
	expect(request->active, "an operation of no post");
	expect(!request->cancelled, "an operation that was cancelled");
	expect(!part->finished, "an operation that has finished");
	unit_taken(&part->unit);
	expect(iocb->fildes == part->prepared.fildes &&
		       iocb->rw_flags == part->prepared.rw_flags,
	       "another file");
	if (index >= request->first)
		request->first = index + 1;
	if (moves_data(part))
		check_bytes(part, iocb);
}

static void finish(struct part *part, int64_t res)
{
	part->unit.state = RESULTED;
	part->unit.res = res;
	part->finished = true;
}

static bool is_eof(const struct part *part, int64_t res)
{
	int64_t offset = part->prepared.offset + (int64_t)part->moved;

	return res == -EINVAL && part->moved && is_read(part) &&
	       part->prepared.fildes == FD_DIRECT &&
	       (offset % SECTOR || offset >= FILE_SIZE);
}

/* Of a transfer that is not cancelled until the result is looked at. */
void request_result(uint64_t data, int64_t res)
{
	struct part *part = request_part_of(data);

	expect(part->unit.state == IN_KERNEL, "a second result");
	part->unit.refusals = 0;
	if (is_eof(part, res))
		res = 0;
	if (res == -EINTR) {
		part->unit.state = QUEUED;
	} else if (res < 0 || !moves_data(part)) {
		finish(part, res);
	} else {
		part->moved += (uint64_t)res;
		part->at_eof = res == 0 && part->moved < part->size;
		if (part->moved >= part->size ||
		    (part->at_eof && is_read(part)))
			finish(part, (int64_t)part->moved);
		else if (part->at_eof)
			finish(part, -ENOSPC);
		else
			part->unit.state = QUEUED;
	}
}

static void verify_result(const struct request *request,
			  const struct part *part, int64_t result)
{
	expect(part->unit.state != IN_KERNEL || model.gone,
	       "over, and the kernel has an operation");
	if (request->cancelled && result == -ECANCELED)
		return;
	expect(part->finished && part->unit.state == RESULTED,
	       "over, and an operation is not");
	expect(result == part->unit.res, "another result");
}

static bool has_failed(const struct request *request, const struct part *part,
		       int64_t result)
{
	return result < 0 || (moves_data(part) && !request->eof_ok &&
			      (uint64_t)result < part->size);
}

/* When a post is over: the results, the bytes and the status. */
void request_verify(struct request *request, int status)
{
	int64_t bytes = 0;
	int expected = 0;
	unsigned i;

	for (i = request->nr; i-- > 0;) {
		struct part *part = request->parts + i;
		int64_t result =
			CALL(kaio_transfer_result(request->transfer, i));

		verify_result(request, part, result);
		bytes += (int64_t)part->moved;
		if (has_failed(request, part, result))
			expected = result < 0 ? (int)result : -ENODATA;
		part->unit.state = IDLE;
	}
	expect(status == expected, "another status");
	expect(bytes == CALL(kaio_transfer_bytes(request->transfer)) ||
		       !model.queue,
	       "another number of bytes");
	request->active = false;
	request->status = status;
	request->overs++;
	if (!request->over_in_wait)
		request->status_of_wait = status;
	request->over_in_wait = true;
}

/* done has been called by then, if there is one and a queue. */
void request_check(struct request *request)
{
	int active;

	if (!request->transfer)
		return;
	active = (int)CALL(kaio_transfer_active(request->transfer));
	expect(active == request->active ||
		       (!active && !(request->has_done && model.queue)),
	       active ? "an active transfer" : "done was not called");
	if (request->active && !active)
		request_verify(request, (int)CALL(kaio_transfer_test(
						request->transfer)));
}
