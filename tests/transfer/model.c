/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Queue and transfers against a model, by chance: every call in any order, with
 * faults in every system call. The model knows of each operation whether it is
 * outstanding and which results it may have, and in which order the kernel must
 * get them.
 *
 * KAIO_TEST_STEPS and KAIO_TEST_SEED in the environment change how many steps,
 * and repeat a run.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

#define OPS 48
#define TRANSFERS 5
#define TRANSFER_OPS 40
#define SCRIPT 8
#define ENDLESS_MAX 3

enum kind {
	GOOD,
	BAD,
	ENDLESS
};

static struct op {
	struct kaio_op op;
	enum kind kind;
	bool outstanding;
	bool cancelled;
} ops[OPS];

static struct request {
	struct kaio_transfer *transfer;
	unsigned nr;
	bool has_bad;
	bool active;	/* or over, and not seen to be */
	bool cancelled; /* that post */
	int status;
	unsigned posts, calls; /* of done */
	uint64_t taken_before;
} requests[TRANSFERS];

static struct kaio_queue *queue;
static uint32_t flags;
static unsigned capacity;
static unsigned outstanding;
static unsigned endless;
static uint64_t pushed, last_taken, taken_by_transfers, completions, posts;
static uint64_t rejections_seen;
static bool faulty; /* a fault may have been anybody's */

static uint64_t state;

static unsigned chance(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 32) % below;
}

static bool is_injected(int64_t res)
{
	return faulty && (res == -EAGAIN || res == -EINTR || res == -ENOMEM ||
			  res == -EPERM || res == -EFAULT || res == -EINVAL);
}

static void complete(struct kaio_op *kaio_op, int64_t res)
{
	struct op *op = (struct op *)kaio_op;

	ck_assert(op->outstanding);
	op->outstanding = false;
	outstanding--;
	endless -= op->kind == ENDLESS;
	completions++;
	rejections_seen += res < 0 && res != -ECANCELED;
	if (res == -ECANCELED)
		ck_assert(op->cancelled);
	else if (op->kind == GOOD)
		ck_assert(res == 1 || is_injected(res));
	else if (op->kind == BAD)
		ck_assert(res == -EBADF || is_injected(res));
	else
		ck_assert((res == 0 && op->cancelled) || is_injected(res));
}

/* The kernel got them in the order pushed, and none twice. */
static void check_order(void)
{
	size_t i;

	for (i = 0; i < faults_nr_taken; i++) {
		const char *iocb = (const char *)faults_taken[i];

		if (iocb < (char *)ops || iocb >= (char *)(ops + OPS)) {
			taken_by_transfers++;
			continue;
		}
		ck_assert_uint_gt(faults_taken[i]->data, last_taken);
		last_taken = faults_taken[i]->data;
	}
	faults_nr_taken = 0;
}

static int faults[SCRIPT];

static void inject(void)
{
	static const int results[] = { 0,	1,	 2,	  3,
				       -EAGAIN, -EAGAIN, -ENOMEM, -EINTR,
				       -EPERM,	-EFAULT, -EINVAL };
	size_t nr = 1 + chance(SCRIPT);
	size_t i;

	faulty = true;
	switch (chance(8)) {
	case 0:
		faults_fail(SYS_io_getevents, EINTR, 1 + chance(2));
		break;
	case 1:
		faults_fail(SYS_io_cancel, EINVAL, 1);
		break;
	default:
		for (i = 0; i < nr; i++)
			faults[i] = results[chance(COUNT(results))];
		faults_script_submit(faults, nr);
	}
}

static void push(enum kind kind)
{
	struct op *op = &ops[chance(OPS)];
	int ret;

	if (op->outstanding || (kind == ENDLESS && endless == ENDLESS_MAX))
		return;
	if (kind == GOOD)
		fixture_good(&op->op.iocb);
	else if (kind == BAD)
		fixture_bad(&op->op.iocb);
	else
		fixture_endless(&op->op.iocb);
	op->op.complete = complete;
	op->kind = kind;
	op->cancelled = false;
	kaio_iocb_set_data64(&op->op.iocb, pushed + 1);
	ret = kaio_queue_push(queue, &op->op.iocb);
	if (ret == -ENOBUFS)
		return;
	ck_assert_int_eq(ret, 0);
	pushed++;
	op->outstanding = true;
	outstanding++;
	endless += kind == ENDLESS;
}

static void cancel(void)
{
	struct op *op = &ops[chance(OPS)];
	int ret;

	ret = kaio_queue_cancel(queue, &op->op.iocb);
	if (ret == 0) {
		ck_assert(op->outstanding);
		op->cancelled = true;
	} else if (op->outstanding) {
		ck_assert(ret == -EBUSY || ret == -EBUSY);
	} else {
		ck_assert_int_eq(ret, -EBUSY);
	}
}

static int64_t timeout(void)
{
	if (chance(4))
		return chance(2) ? 0 : 1000;
	return endless || outstanding == 0 ? 100000 : KAIO_FOREVER;
}

static void check_error(int ret)
{
	ck_assert(ret >= 0 || (faulty && (ret == -EINTR)));
}

static void wait_events(void)
{
	struct kaio_event events[OPS];
	unsigned max = chance(OPS + 1);
	int ret =
		kaio_queue_wait(queue, events, chance(max + 1), max, timeout());
	int i;

	check_error(ret);
	for (i = 0; i < ret; i++) {
		struct kaio_op *op =
			(struct kaio_op *)kaio_event_iocb(&events[i]);

		op->complete(op, events[i].res);
	}
}

static void check_transfer(struct request *request)
{
	int64_t bytes = 0;
	int worst = 0;
	unsigned i;

	for (i = 0; i < request->nr; i++) {
		int64_t res = kaio_transfer_result(request->transfer, i);

		ck_assert_msg(res != -EINPROGRESS, "%u of %u, status %d", i,
			      request->nr, request->status);
		if (res >= 0)
			bytes += res;
		else if (res == request->status)
			worst = (int)res;
	}
	ck_assert_uint_eq(request->calls, request->posts);
	ck_assert_int_eq(kaio_transfer_active(request->transfer), 0);
	ck_assert_int_eq(kaio_transfer_bytes(request->transfer), bytes);
	ck_assert_int_eq(request->status, worst);
	if (request->status == 0) {
		ck_assert(!request->has_bad);
		ck_assert_int_eq(bytes, request->nr);
		/* It was really done, and not remembered. */
		check_order();
		ck_assert_uint_ge(taken_by_transfers - request->taken_before,
				  request->nr);
	} else {
		ck_assert(
			is_injected(request->status) ||
			(request->cancelled && request->status == -ECANCELED) ||
			(request->has_bad && request->status == -EBADF));
	}
}

static void use_transfer(void)
{
	struct request *request = &requests[chance(TRANSFERS)];
	int ret;

	if (!request->transfer)
		return;
	switch (chance(4)) {
	case 0:
		check_order();
		ret = kaio_transfer_post(request->transfer);
		/* Complete, and not yet asked about, it may be posted again. */
		if (request->active && ret == -EBUSY)
			break;
		ck_assert_int_eq(ret, 0);
		request->active = true;
		request->cancelled = false;
		request->posts++;
		request->taken_before = taken_by_transfers;
		posts++;
		break;
	case 1:
		ret = chance(2) ? kaio_transfer_test(request->transfer)
				: kaio_transfer_wait(request->transfer, 1000);
		if (ret == -EINPROGRESS || (ret == -EINTR && faulty))
			break;
		if (request->active) {
			request->active = false;
			request->status = ret;
			check_transfer(request);
		}
		ck_assert_int_eq(ret, request->status);
		break;
	case 2:
		if (chance(2))
			break;
		ret = kaio_transfer_active(request->transfer);
		ck_assert(ret == 0 || request->active);
		ck_assert_ok(kaio_transfer_cancel(request->transfer));
		ck_assert_int_eq(kaio_transfer_active(request->transfer), ret);
		request->cancelled |= ret;
		break;
	default:
		if (chance(20))
			break;
		ck_assert_int_eq(kaio_transfer_release(request->transfer), 0);
		*request = (struct request){ 0 };
	}
}

static void count(struct kaio_transfer *transfer, int status, void *data)
{
	struct request *request = data;

	ck_assert_ptr_eq(transfer, request->transfer);
	ck_assert_int_eq(kaio_transfer_test(transfer), status);
	ck_assert_int_eq(kaio_transfer_active(transfer), 0);
	ck_assert_uint_eq(++request->calls, request->posts);
}

static void create_transfer(void)
{
	struct request *request = &requests[chance(TRANSFERS)];
	const struct kaio_transfer_params params = { .done = count,
						     .data = request };
	unsigned i;

	if (request->transfer)
		return;
	*request = (struct request){ .nr = 1 + chance(TRANSFER_OPS) };
	ck_assert_int_eq(kaio_transfer_create(&request->transfer, queue,
					      request->nr, &params),
			 0);
	for (i = 0; i < request->nr; i++) {
		struct kaio_iocb *iocb =
			kaio_transfer_iocb(request->transfer, i);

		if (chance(100)) {
			fixture_good(iocb);
		} else {
			fixture_bad(iocb);
			request->has_bad = true;
		}
	}
	request->status = kaio_transfer_test(request->transfer);
}

static void create_queue(void)
{
	static const uint32_t choices[] = {
		0,
		KAIO_QUEUE_NO_RING,
		KAIO_QUEUE_WAKE,
		KAIO_QUEUE_EVENTFD | KAIO_QUEUE_SHRINK,
		KAIO_QUEUE_SHARED,
		KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD,
	};
	struct kaio_queue_params params = { .backlog = chance(30) };
	unsigned depth = 1 + chance(20);
	int ret;

	params.flags = flags = choices[chance(COUNT(choices))];
	params.spin_ns = chance(2) ? 1000 : KAIO_NO_SPIN;
	faults_reset();
	if (!chance(3))
		faults_fail(SYS_io_setup, EAGAIN, 1);
	ret = kaio_queue_create(&queue, depth, &params);
	if (ret == -EAGAIN)
		ret = kaio_queue_create(&queue, depth, &params);
	ck_assert_int_eq(ret, 0);
	capacity = kaio_queue_depth(queue) + params.backlog;
	last_taken = 0;
	pushed = 0;
	rejections_seen = 0;
	faulty = false;
}

/* All that can still complete does, and the counters agree. */
static void settle(void)
{
	struct kaio_queue_stats stats;
	unsigned i;

	faults_script_submit(NULL, 0);
	faults_fail(SYS_io_getevents, 0, 0);
	faults_fail(SYS_io_cancel, 0, 0);
	for (i = 0; i < OPS; i++)
		if (ops[i].outstanding && ops[i].kind == ENDLESS &&
		    kaio_queue_cancel(queue, &ops[i].op.iocb) == 0)
			ops[i].cancelled = true;
	for (i = 0; i < TRANSFERS; i++) {
		struct request *request = &requests[i];

		if (!request->active)
			continue;
		/* A wake that nobody has waited for yet may end it. */
		do
			request->status = kaio_transfer_wait(request->transfer,
							     KAIO_FOREVER);
		while (request->status == -EINPROGRESS);
		request->active = false;
		check_transfer(request);
	}
	while (outstanding)
		ck_assert_int_ge(kaio_queue_run(queue, 1, KAIO_FOREVER), 0);
	check_order();
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.pushed, stats.completed);
	ck_assert_uint_eq(stats.submitted + stats.rejected + stats.canceled,
			  stats.pushed);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
}

static void destroy_queue(void)
{
	bool active = chance(2);
	unsigned i;

	if (!active)
		settle();
	ck_assert_int_eq(kaio_queue_destroy(queue), 0);
	for (i = 0; i < OPS; i++)
		ops[i].outstanding = false;
	outstanding = endless = 0;
	for (i = 0; i < TRANSFERS; i++) {
		if (!requests[i].transfer)
			continue;
		if (requests[i].active)
			ck_assert_int_ne(
				kaio_transfer_test(requests[i].transfer),
				-EINPROGRESS);
		ck_assert_int_eq(kaio_transfer_release(requests[i].transfer),
				 0);
		requests[i] = (struct request){ 0 };
	}
}

static void step(void)
{
	int ret;

	switch (chance(20)) {
	case 0:
		inject();
		break;
	case 1:
		check_error(kaio_queue_submit(queue));
		break;
	case 2:
	case 3:
		wait_events();
		break;
	case 4:
	case 5:
		check_error(kaio_queue_run(queue, chance(10), timeout()));
		break;
	case 6:
		cancel();
		break;
	case 7:
		ret = kaio_queue_drain(queue, chance(8) ? 0 : 1000);
		ck_assert(ret == 0 || ret == -ETIMEDOUT ||
			  (ret == -EINTR && faulty));
		break;
	case 8:
		if (flags & KAIO_QUEUE_WAKE)
			ck_assert_int_eq(kaio_queue_wake(queue), 0);
		break;
	case 9:
		create_transfer();
		break;
	case 10:
	case 11:
	case 12:
		use_transfer();
		break;
	case 13:
		push(BAD);
		break;
	case 14:
		push(ENDLESS);
		break;
	default:
		push(GOOD);
	}
	ck_assert_uint_le(kaio_queue_inflight(queue), kaio_queue_depth(queue));
	ck_assert_uint_le(outstanding, capacity);
	check_order();
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

START_TEST(any_order_of_calls_and_faults_loses_nothing)
{
	uint64_t steps = number("KAIO_TEST_STEPS", 200000);
	uint64_t seed = number("KAIO_TEST_SEED", (uint64_t)time(NULL));
	uint64_t i;

	printf("KAIO_TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	state = seed * 2 + 1;
	create_queue();
	for (i = 0; i < steps; i++) {
		if (chance(20000)) {
			step();
			continue;
		}
		destroy_queue();
		create_queue();
	}
	settle();
	destroy_queue();
	printf("%llu steps, %llu completions, %llu transfers\n",
	       (unsigned long long)steps, (unsigned long long)completions,
	       (unsigned long long)posts);
}
END_TEST

Suite *suite_transfer_model(void)
{
	const TTest *tests[] = {
		any_order_of_calls_and_faults_loses_nothing,
	};

	return harness_both_ways("model", tests, COUNT(tests));
}
