/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Operations that the program pushes by itself. */
#include "model.h"

#include <errno.h>
#include <poll.h>

#define CALLBACKS_MAX 3

enum kind {
	READ,
	WRITE,
	SYNC,
	POLL,
	BAD_FD,
	BAD_OPCODE,
	SIGNALS,     /* an eventfd of the program's */
	BAD_EVENTFD, /* or what is none */
	KINDS
};

struct plain *plain_of(const struct kaio_iocb *iocb)
{
	struct plain *op = model.ops + (iocb->data - DATA_OP);

	expect(iocb->data - DATA_OP < OPS && iocb == &op->op.iocb,
	       "an operation that is none");
	return op;
}

void plain_taken(const struct kaio_iocb *iocb)
{
	struct plain *op = plain_of(iocb);

	unit_taken(&op->unit);
	expect(op->number > model.taken, "not in the order of the pushes");
	model.taken = op->number;
}

static void collected(struct plain *op, int64_t res)
{
	struct unit *unit = &op->unit;

	expect(unit->state == RESULTED, "a completion that nothing has made");
	expect(res == unit->res, "another result");
	unit->state = IDLE;
	if (op->op.iocb.flags & KAIO_IOCB_RESFD &&
	    op->op.iocb.resfd == (uint32_t)model.eventfd)
		model.signals++;
}

void plain_collected(const struct kaio_event *event)
{
	struct plain *op = model.ops + (event->data - DATA_OP);

	expect(event->data - DATA_OP < OPS &&
		       kaio_event_iocb(event) == &op->op.iocb &&
		       event->res2 == 0,
	       "an event of no operation");
	collected(op, event->res);
}

static void prepare(struct kaio_iocb *iocb, unsigned kind)
{
	static char buffer[4096];

	switch (kind) {
	case READ:
		kaio_prep_pread(iocb, FD_GOOD, buffer, sizeof(buffer), 0);
		break;
	case SYNC:
		kaio_prep_fsync(iocb, FD_GOOD);
		break;
	case POLL:
		kaio_prep_poll(iocb, FD_GOOD, POLLIN);
		break;
	case BAD_OPCODE:
		kaio_prep_iocb(iocb, 6, FD_GOOD, 0, 0, 0);
		break;
	default:
		kaio_prep_pwrite(iocb, kind == BAD_FD ? FD_BAD : FD_GOOD,
				 buffer, sizeof(buffer), 0);
	}
	if (kind == SIGNALS || kind == BAD_EVENTFD)
		kaio_iocb_set_eventfd(iocb, kind == SIGNALS ? model.eventfd
							    : FD_GOOD);
}

/* The same operation again, any other, or none; as the first push said. */
static void act(struct plain *op)
{
	unsigned what = op->action;

	op->action = 0;
	switch (what & 7) {
	case 3:
		plain_push(what >> 3);
		break;
	case 4:
		CALL(kaio_queue_submit(model.queue));
		break;
	case 5:
		op = model.ops + (what >> 3) % OPS;
		plain_cancelled(op, (int)CALL(kaio_queue_cancel(model.queue,
								&op->op.iocb)));
		break;
	case 6:
		CALL(kaio_queue_run(model.queue, what >> 3,
				    (what >> 6) * INT64_C(1000)));
		/* It may have taken a wake. */
		model.woken = false;
		break;
	case 7:
		longjmp(*model.escape, 1);
	}
}

static void complete(struct kaio_op *kaio_op, int64_t res)
{
	struct plain *op = (struct plain *)kaio_op;

	expect(!kernel.locked, "a callback with the lock");
	collected(op, res);
	if (model.ends || model.gone || model.callbacks >= CALLBACKS_MAX)
		return;
	model.callbacks++;
	model.others++;
	act(op);
	model.callbacks--;
}

static struct plain *find_idle(void)
{
	unsigned i;

	for (i = 0; i < OPS; i++)
		if (model.ops[i].unit.state == IDLE)
			return model.ops + i;
	return NULL;
}

void plain_push(unsigned kind)
{
	bool full = model_outstanding() >= model.capacity;
	struct plain *op = find_idle();
	int expected = 0;
	int ret;

	kind %= KINDS;
	if (!op)
		return;
	prepare(&op->op.iocb, kind);
	kaio_iocb_set_data64(&op->op.iocb,
			     DATA_OP + (uint64_t)(op - model.ops));
	op->op.complete = complete;
	op->action = kind == BAD_FD || kind == READ ? input_call() : 0;
	if (full)
		expected = -ENOBUFS;
	else if (model.flags & KAIO_QUEUE_EVENTFD && kind >= SIGNALS)
		expected = -EINVAL;
	ret = (int)CALL(kaio_queue_push(model.queue, &op->op.iocb));
	expect(ret == expected || (model.gone && ret == -EINVAL),
	       "what push returns");
	if (ret < 0)
		return;
	op->unit = (struct unit){ .state = QUEUED };
	op->number = ++model.pushed;
}

/* After kaio_queue_cancel() has returned ret. */
void plain_cancelled(struct plain *op, int ret)
{
	struct unit *unit = &op->unit;

	expect(ret == 0 || ret == -EBUSY || (model.gone && ret == -EINVAL),
	       "what cancel returns");
	if (unit->state == QUEUED && ret == 0) {
		unit->state = RESULTED;
		unit->res = -ECANCELED;
		return;
	}
	expect(unit->state != QUEUED || model.gone,
	       "an operation in the backlog is not cancelled");
	expect(ret < 0 || (unit->state == RESULTED && unit->res == 0),
	       "the cancellation of nothing");
}
