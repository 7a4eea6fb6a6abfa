/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Collecting by callbacks. A callback may run the queue again, or never return:
 * before each, this call holds nothing, and what it has collected is in done
 * for the next one.
 */
#include "queue/wait.h"

#include <kaio/prep.h>

#include <limits.h>

static void call_back(struct kaio_queue *queue)
{
	const struct kaio_event *event =
		queue->done + (queue->done_head++ & queue->done_mask);
	struct kaio_op *op = (struct kaio_op *)kaio_event_iocb(event);
	int64_t res = event->res;

	if (likely(queue->fast)) {
		queue_delivered_fast(queue, 1);
		op->complete(op, res);
	} else {
		kaioq_leave(queue);
		op->complete(op, res);
		queue_lock(queue);
	}
	queue_push_waiting(queue);
}

int kaioq_run_once(struct kaio_queue *queue, struct queue_wait *wait)
{
	int ret = queue_await(queue, wait);
	unsigned batch;
	int n = 0;

	/* Before the callbacks, for they may take long; and after. */
	queue_submit_pending(queue);
	for (batch = queue_done(queue); batch && queue_done(queue); batch--) {
		call_back(queue);
		n++;
	}
	queue_submit_pending(queue);
	return n ? n : ret;
}

int kaio_queue_run(struct kaio_queue *queue, unsigned min, int64_t timeout_ns)
{
	struct queue_wait wait = { .calls_back = true };
	unsigned n = 0;
	int ret;

	if (!queue || min > INT_MAX || timeout_ns < KAIO_FOREVER)
		return queue_refuse(queue);
	wait.deadline = deadline_after(timeout_ns);
	if (wait.deadline == NO_WAIT)
		min = 0;
	ret = queue_enter_wait(queue);
	if (ret < 0)
		return ret;
	queue_begin(queue);
	do {
		wait.min = min > n ? min - n : 0;
		wait.when_idle = n == 0 && queue_waits_when_idle(queue);
		ret = kaioq_run_once(queue, &wait);
		if (ret > 0)
			n += (unsigned)ret;
	} while (ret >= 0 && !wait.interrupted && n < min &&
		 queue_has_more(queue));
	queue_leave(queue);
	return n ? (int)n : ret;
}
