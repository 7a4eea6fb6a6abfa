/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "model.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* How long the queue sleeps while the kernel is out of memory. */
#define RETRY_NS 4000000

struct model model;

int64_t model_returned(const char *call, int64_t ret)
{
	trace("%s = %" PRId64, call, ret);
	expect(errno == UNTOUCHED, "errno was changed");
	kernel_look_at_head();
	return ret;
}

void model_begin(void)
{
	memset(&model, 0, sizeof(model));
}

uint64_t model_outstanding(void)
{
	struct kaio_queue_stats stats;

	kaio_queue_stats(model.queue, &stats);
	return stats.pushed - stats.completed;
}

/* Units */

void unit_taken(struct unit *unit)
{
	expect(unit->state != IN_KERNEL, "the kernel gets it twice");
	expect(unit->state == QUEUED, "the kernel gets what is not pushed");
	unit->state = IN_KERNEL;
	unit->refusals = 0;
}

/* Whether it was refused so often that the queue gives it up. */
static bool unit_refused(struct unit *unit, int error)
{
	bool idle =
		!kernel_in_flight_of_program() && !kernel_unread_of_program();

	expect(unit->state == QUEUED, "the kernel gets what is not pushed");
	/* There may be room with the next completion. */
	if (error != EAGAIN || idle)
		unit->refusals++;
	return unit->refusals == RETRY_MAX;
}

/* What the kernel tells */

void model_taken(const struct kaio_iocb *iocb)
{
	trace("	operation %" PRIu64 ": in flight", iocb->data);
	expect(kernel_in_flight_of_program() + kernel_unread_of_program() <=
		       model.depth,
	       "more in flight than the depth");
	if (iocb->data < DATA_TRANSFER)
		plain_taken(iocb);
	else
		request_taken(iocb);
}

static struct unit *unit_of(const struct kaio_iocb *iocb)
{
	if (iocb->data < DATA_TRANSFER)
		return &plain_of(iocb)->unit;
	return &request_part_of(iocb->data)->unit;
}

static bool is_transient(int error)
{
	return error == EAGAIN || error == ENOMEM || error == EINTR;
}

void model_refused(const struct kaio_iocb *iocb, int error)
{
	trace("	operation %" PRIu64 ": refused by %d", iocb->data, error);
	if (is_transient(error) && !unit_refused(unit_of(iocb), error))
		return;
	if (iocb->data < DATA_TRANSFER)
		plain_taken(iocb);
	else
		request_taken(iocb);
	model_result(iocb, -error);
}

void model_result(const struct kaio_iocb *iocb, int64_t res)
{
	struct plain *op;

	trace("	operation %" PRIu64 ": %" PRId64, iocb->data, res);
	if (iocb->data >= DATA_TRANSFER) {
		request_result(iocb->data, res);
		return;
	}
	op = &model.ops[iocb->data - DATA_OP];
	expect(op->unit.state == IN_KERNEL, "a second result");
	op->unit.state = RESULTED;
	op->unit.res = res;
}

static bool waits_when_idle(void)
{
	const uint32_t both = KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE;

	return (model.flags & both) == both;
}

void model_sleeps(long min, int64_t until)
{
	unsigned in_flight = kernel_in_flight_of_program();
	unsigned unread = kernel_unread_of_program();
	bool deaf = model.flags & (KAIO_QUEUE_WAKE | KAIO_QUEUE_SHARED) &&
		    in_flight + unread == kernel.nr_flights + kernel_unread();
	bool briefly = until - kernel.clock <= RETRY_NS;
	bool retries = briefly && (kernel.was_refused || deaf);

	expect(briefly || !deaf, "sleeps where no wake reaches it");
	expect(retries || min <= (long)(kernel.nr_flights + kernel_unread()),
	       "waits for more than there is");
	expect(retries || in_flight + unread >= model.depth ||
		       !kaio_queue_backlog(model.queue),
	       "sleeps with a backlog, and room");
	expect(retries || in_flight + unread || waits_when_idle(),
	       "sleeps with nothing in flight");
}

/* The lock is free, or the library would wait for itself. */
bool model_other_thread(void)
{
	if (!(model.flags & KAIO_QUEUE_SHARED) || model.other_thread ||
	    model.gone || !input_has_more())
		return false;
	model.other_thread = true;
	model.others++;
	queue_call();
	model.other_thread = false;
	return true;
}

bool model_wakes(void)
{
	if (!(model.flags & KAIO_QUEUE_WAKE))
		return false;
	model.may_wake++;
	expect(CALL(kaio_queue_wake(model.queue)) == 0, "wake");
	return true;
}

void model_rescues(void)
{
	expect(!(model.woken && model.takes_wakes), "a lost wake");
	expect(waits_when_idle() && model.takes_wakes, "a sleep without end");
	model_wakes();
}

/* After each call */

static void check_eventfd(unsigned plain_resulted)
{
	unsigned i;

	if (!(model.flags & KAIO_QUEUE_EVENTFD))
		return;
	trace("	%u and %u to collect", plain_resulted,
	      kernel_unread_of_program());
	i = (unsigned)(kaio_queue_eventfd(model.queue) - FD_EVENTFD);
	expect(i < EVENTFDS, "the queue's eventfd");
	expect(kernel.eventfds[i].count ||
		       (!plain_resulted && !kernel_unread_of_program()),
	       "completions, and the eventfd is not readable");
}

void model_check(void)
{
	unsigned queued = 0;
	unsigned resulted = 0;
	unsigned i;

	if (model.gone)
		return;
	kernel_look_at_head();
	expect(kaio_queue_inflight(model.queue) ==
		       kernel_in_flight_of_program() +
			       kernel_unread_of_program(),
	       "the number in flight");
	for (i = 0; i < OPS; i++) {
		queued += model.ops[i].unit.state == QUEUED;
		resulted += model.ops[i].unit.state == RESULTED;
	}
	if (!model.nr_requests)
		expect(kaio_queue_backlog(model.queue) == queued,
		       "the number in the backlog");
	check_eventfd(resulted);
	for (i = 0; i < model.nr_requests; i++)
		request_check(model.requests + i);
}
