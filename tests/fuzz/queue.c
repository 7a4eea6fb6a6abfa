/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Bytes become calls on a queue and its transfers, and what the kernel does;
 * the model says what must come out.
 */
#include "model.h"

#define SEAM_ITSELF
#include "seam.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define EVENTS_MAX 15
#define ENDING_RUNS 5000
#define REPEATS_MAX 20 /* they take long */

/* The latest that a wait returns after its time: clocks that were read. */
#define LATE_NS 1000000

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct before {
	int64_t clock;
	unsigned interruptions, refused_calls, others;
};

static struct before now(void)
{
	return (struct before){ kernel.clock, kernel.interruptions,
				kernel.refused_calls, model.others };
}

/* Without end only where nobody else would have to end it. */
int64_t queue_timeout(unsigned how)
{
	if (how & 1)
		return (int64_t)(how >> 1) << 14;
	return model.other_thread || model.callbacks ? 1000000 : KAIO_FOREVER;
}

/* An error of a call that collects. */
static void check_error(int ret, const struct before *before)
{
	if (ret == -EINTR)
		expect(before->interruptions != kernel.interruptions,
		       "interrupted by nothing");
	else
		expect(before->refused_calls != kernel.refused_calls &&
			       (ret == -EPERM || ret == -ENOSYS),
		       "an error of no call");
}

/* What wait or run returned. */
static void check_wait(int ret, unsigned min, unsigned max, int64_t timeout,
		       const struct before *before)
{
	if (model.gone) {
		expect(ret >= 0 || ret == -EINVAL || ret == -EINTR ||
			       before->refused_calls != kernel.refused_calls,
		       "another error of a context that is gone");
		return;
	}
	if (timeout > 0 && model.others == before->others)
		expect(kernel.clock <= before->clock + timeout + LATE_NS,
		       "waits too long");
	if (ret < 0) {
		check_error(ret, before);
		return;
	}
	expect((unsigned)ret <= max, "more than there is room for");
	if ((unsigned)ret >= min || !timeout ||
	    before->interruptions != kernel.interruptions ||
	    before->refused_calls != kernel.refused_calls ||
	    (timeout > 0 && kernel.clock >= before->clock + timeout) ||
	    model_outstanding() == 0)
		return;
	expect(model.may_wake, "fewer than it was to wait for");
	model.may_wake--;
}

static void take_events(const struct kaio_event *events, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (events[i].data < DATA_TRANSFER)
			plain_collected(events + i);
	for (i = 0; i < nr; i++) {
		struct kaio_op *op = (struct kaio_op *)(uintptr_t)events[i].obj;

		if (events[i].data >= DATA_TRANSFER)
			op->complete(op, events[i].res);
	}
}

static void call_wait(unsigned min, unsigned max, int64_t timeout)
{
	struct kaio_event events[EVENTS_MAX + 1];
	struct before before = now();
	bool takes_wakes = model.takes_wakes;
	int ret;

	events[max].data = UNTOUCHED;
	model.takes_wakes = true;
	ret = (int)CALL(
		kaio_queue_wait(model.queue, events, min, max, timeout));
	model.takes_wakes = takes_wakes;
	expect(events[max].data == UNTOUCHED, "more than there is room for");
	check_wait(ret, min, max, timeout, &before);
	if (min && timeout)
		model.woken = false;
	model.callbacks++;
	take_events(events, ret);
	model.callbacks--;
}

/* A callback may leave it by longjmp. */
static void call_run(unsigned min, int64_t timeout)
{
	const struct before before = now();
	const bool takes_wakes = model.takes_wakes;
	const unsigned callbacks = model.callbacks;
	jmp_buf *const outer = model.escape;
	jmp_buf here;
	int ret;

	model.escape = &here;
	model.takes_wakes = true;
	if (setjmp(here)) {
		model.callbacks = callbacks;
	} else {
		ret = (int)CALL(kaio_queue_run(model.queue, min, timeout));
		check_wait(ret, min, INT_MAX, timeout, &before);
	}
	model.takes_wakes = takes_wakes;
	model.escape = outer;
	if (min && timeout)
		model.woken = false;
}

static void call_drain(int64_t timeout)
{
	struct before before = now();
	bool takes_wakes = model.takes_wakes;
	int ret;

	model.takes_wakes = false;
	ret = (int)CALL(kaio_queue_drain(model.queue, timeout));
	model.takes_wakes = takes_wakes;
	if (model.gone)
		return;
	if (ret == 0)
		expect(!kaio_queue_inflight(model.queue) &&
			       !kaio_queue_backlog(model.queue),
		       "drained, and not empty");
	else if (ret == -ETIMEDOUT)
		expect(timeout >= 0 && kernel.clock >= before.clock + timeout,
		       "timed out too early");
	else
		check_error(ret, &before);
}

static void call_submit(void)
{
	int ret = (int)CALL(kaio_queue_submit(model.queue));

	expect(model.gone || ret >= 0, "what submit returns");
	expect(model.gone || kernel.was_refused ||
		       kaio_queue_inflight(model.queue) >= model.depth ||
		       !kaio_queue_backlog(model.queue),
	       "not all is submitted that fits");
}

static void call_cancel(unsigned which)
{
	struct plain *op = model.ops + which % OPS;

	plain_cancelled(
		op, (int)CALL(kaio_queue_cancel(model.queue, &op->op.iocb)));
}

static void call_wake(void)
{
	if (!(model.flags & KAIO_QUEUE_WAKE)) {
		expect(CALL(kaio_queue_wake(model.queue)) == -EINVAL,
		       "a wake of a queue without");
		return;
	}
	model_wakes();
	model.woken = !model.other_thread && !model.callbacks;
}

/* So often that pending operations are moved to the first slot. */
static void call_repeat(unsigned times)
{
	while (times-- && !model.gone && model.repeats++ < REPEATS_MAX) {
		unsigned nr = model.capacity;

		while (nr-- && model_outstanding() < model.capacity)
			plain_push(4 + (nr & 1) * 4);
		call_submit();
		while (kernel_complete(0))
			;
		call_wait(1, EVENTS_MAX, 0);
	}
}

/* What is refused whatever the state of the queue. */
static void call_wrong(void)
{
	struct kaio_event event;

	expect(CALL(kaio_queue_wait(model.queue, &event, 2, 1, 0)) == -EINVAL,
	       "min above max");
	expect(CALL(kaio_queue_wait(model.queue, NULL, 0, 1, 0)) == -EINVAL,
	       "no events");
	expect(CALL(kaio_queue_run(model.queue, 1, -2)) == -EINVAL,
	       "a negative time");
	expect(CALL(kaio_queue_push(model.queue, NULL)) == -EINVAL, "no iocb");
	expect(CALL(kaio_queue_cancel(model.queue, NULL)) == -EINVAL,
	       "no iocb");
}

static void refuse_calls(unsigned which)
{
	kernel.getevents_error = which & 1 ? EPERM : 0;
	kernel.pgetevents_error = which & 2 ? ENOSYS : 0;
}

static void call_kernel(unsigned what, unsigned argument)
{
	switch (what) {
	case 0:
		kernel_upset_ring(argument);
		break;
	case 1:
		refuse_calls(argument);
		break;
	case 2:
		kernel.clock += argument << 16;
		break;
	default:
		if (argument != 7 || model.callbacks || model.other_thread)
			break;
		kernel_kill();
		model.gone = true;
	}
}

void queue_call(void)
{
	unsigned what = input_call();
	unsigned argument = what >> 5;
	unsigned more;

	switch (what & 31) {
	default:
		plain_push(argument);
		break;
	case 4:
	case 5:
		for (more = 2 + argument; more; more--)
			plain_push(8 + (more & 1));
		break;
	case 6:
	case 7:
		call_submit();
		break;
	case 8:
	case 9:
		more = input_call();
		call_wait(argument % (more % EVENTS_MAX + 1), more % EVENTS_MAX,
			  queue_timeout(input_call()));
		break;
	case 10:
		call_wait(0, argument, 0);
		break;
	case 11:
	case 12:
		call_run(argument, queue_timeout(input_call()));
		break;
	case 13:
		call_drain(queue_timeout(input_call()));
		break;
	case 14:
		call_cancel(input_call());
		break;
	case 15:
		call_wake();
		break;
	case 16:
	case 17:
		kernel_complete(argument);
		break;
	case 18:
		while (kernel_complete(argument))
			;
		break;
	case 19:
		request_create(input_call());
		break;
	case 20:
	case 21:
	case 22:
	case 23:
	case 24:
	case 25:
		if (!model.gone || (what & 31) != 20)
			request_call((what & 31) - 20 + 1, argument,
				     !model.other_thread || argument != 7);
		break;
	case 26:
		call_kernel(input_call() & 3, argument);
		break;
	case 27:
		call_repeat(argument * 8);
		break;
	case 28:
		call_wrong();
		break;
	}
}

static void end_of_all(void)
{
	unsigned runs = 0;
	bool active;
	unsigned i;

	model.ends = true;
	kernel.back = kernel.front;
	kernel.refusals_left = 0;
	refuse_calls(0);
	do {
		uint64_t outstanding = model_outstanding();

		expect(runs++ < ENDING_RUNS, "it does not end");
		call_run(1, outstanding ? KAIO_FOREVER : 0);
		model_check();
		active = false;
		for (i = 0; i < model.nr_requests; i++)
			active |= model.requests[i].transfer &&
				  model.requests[i].active;
	} while (active || model_outstanding());
	for (i = 0; i < OPS; i++)
		expect(model.ops[i].unit.state == IDLE, "an operation is lost");
	expect(kernel.eventfds[model.eventfd - FD_EVENTFD].count ==
		       model.signals,
	       "the signals of the program's eventfd");
}

static void end_requests(void)
{
	unsigned i;

	for (i = 0; i < model.nr_requests; i++) {
		struct request *request = model.requests + i;

		if (!request->transfer)
			continue;
		expect(request->dones ==
			       (request->has_done ? request->overs : 0),
		       "the calls of done");
		expect(CALL(kaio_transfer_active(request->transfer)) == 0,
		       "active without a queue");
		if (request->active && !model.gone)
			expect(CALL(kaio_transfer_test(request->transfer)) < 0,
			       "the status of one that was not over");
		expect(CALL(kaio_transfer_post(request->transfer)) ==
			       -ECANCELED,
		       "a post without a queue");
		expect(CALL(kaio_transfer_release(request->transfer)) == 0,
		       "release");
	}
}

/* Everything about the queue, and how its creation fails. */
static int create(unsigned *ending)
{
	struct kaio_queue_params params = { 0 };
	unsigned how = input_call();
	unsigned sizes = input_call();
	unsigned faults = input_call();
	int expected = 0;
	int ret;

	*ending = faults & 3;
	kernel.spare = faults >> 2 & 3;
	kernel.no_madvise = how & 32;
	kernel.no_ring = how & 64;
	params.flags = model.flags = how & 31;
	params.spin_ns = how & 128 ? 1000 : 0;
	model.depth = 1 + (sizes & 7);
	params.backlog = (sizes >> 3) & 15;
	switch (faults >> 5) {
	case 1:
		kernel.setup_errors_left = 1 + (faults >> 4 & 1);
		kernel.setup_error = faults & 4 ? ENOMEM : EAGAIN;
		break;
	case 2:
		kernel.no_memory = true;
		break;
	case 3:
		kernel.no_eventfds = true;
	}
	ret = (int)CALL(kaio_queue_create(&model.queue, model.depth, &params));
	expect(ret == 0 || faults >> 5 || kernel.faults, "create fails");
	kernel.no_memory = kernel.no_eventfds = false;
	if (ret < 0)
		return ret;
	expect(kernel.setup_errors_left == 0 && expected == 0, "create");
	expect(kaio_queue_depth(model.queue) == model.depth ||
		       params.flags & KAIO_QUEUE_SHRINK,
	       "the depth");
	model.depth = kaio_queue_depth(model.queue);
	model.capacity = model.depth + params.backlog;
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	kernel_traces = getenv("FUZZ_TRACE");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned ending;

	kernel_begin(data, size);
	model_begin();
	model.eventfd = seam_eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (create(&ending) == 0) {
		while (input_has_more()) {
			queue_call();
			model_check();
		}
		if (ending && !model.gone)
			end_of_all();
		expect(CALL(kaio_queue_destroy(model.queue)) == 0, "destroy");
		model.queue = NULL;
		end_requests();
	}
	seam_close(model.eventfd);
	kernel_end();
	return 0;
}
