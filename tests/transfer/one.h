/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* One transfer of one operation, whose completion the test changes. */
#ifndef ONE_H
#define ONE_H

#include "fixture.h"
#include "harness.h"

#define SIZE 65536

static struct kaio_queue *queue;
static struct kaio_transfer *transfer;

static struct kaio_iocb *create(unsigned flags)
{
	const struct kaio_transfer_params params = { .flags = flags };

	queue = fixture_queue(1, 0);
	ck_assert_ok(kaio_transfer_create(&transfer, queue, 1, &params));
	return kaio_transfer_iocb(transfer, 0);
}

static void end(void)
{
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}

static struct kaio_op *collect(void)
{
	struct kaio_event event;

	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	return (struct kaio_op *)kaio_event_iocb(&event);
}

static void complete_with(int64_t res)
{
	struct kaio_op *op = collect();

	op->complete(op, res);
}

#endif
