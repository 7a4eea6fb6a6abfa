/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The queue layer: no way of collecting, in no kind of queue, sleeps while
 * nothing is in flight or while the kernel would take more.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "queue/queue.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define NR 37
#define DEPTH 4
#define ALL                                                          \
	(KAIO_QUEUE_NO_RING | KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD | \
	 KAIO_QUEUE_SHARED | KAIO_QUEUE_SHRINK)

static struct kaio_queue *queue;
static struct kaio_op ops[NR];
static unsigned completed;
static const char *cell;

static void count(struct kaio_op *op, int64_t res)
{
	(void)op;
	(void)res;
	completed++;
}

static int check_sleep(long number, long *arguments)
{
	unsigned pending, room;

	if (!faults_may_sleep(number, arguments))
		return 0;
	pending = queue_pending(queue);
	room = queue->depth - queue->inflight;
	ck_assert_msg(queue->inflight, "%s sleeps, nothing in flight", cell);
	ck_assert_msg(!pending || !room, "%s sleeps, %u fit", cell, pending);
	ck_assert_msg(arguments[1] <=
			      (long)queue->inflight + queue->wakeup_armed,
		      "%s sleeps for more than can come", cell);
	return 0;
}

static void wait_for(unsigned min)
{
	struct kaio_event events[NR];
	int ret;

	do {
		ret = kaio_queue_wait(queue, events, min, NR, KAIO_FOREVER);
		ck_assert_int_gt(ret, 0);
		completed += (unsigned)ret;
	} while (completed < NR);
}

static void wait_for_one(void)
{
	wait_for(1);
}

static void wait_for_many(void)
{
	wait_for(NR - completed);
}

static void wait_with_deadline(void)
{
	struct kaio_event events[2];

	while (completed < NR) {
		int ret = kaio_queue_wait(queue, events, 2, 2,
					  INT64_C(60000000000));

		ck_assert_int_ge(ret, 0);
		completed += (unsigned)ret;
	}
}

static void run_for_one(void)
{
	while (completed < NR)
		ck_assert_int_gt(kaio_queue_run(queue, 1, KAIO_FOREVER), 0);
}

static void run_for_many(void)
{
	while (completed < NR)
		ck_assert_int_gt(
			kaio_queue_run(queue, NR - completed, KAIO_FOREVER), 0);
}

static void reap(void)
{
	struct kaio_event events[3];

	while (completed < NR)
		completed += (unsigned)kaio_queue_reap(queue, events, 3);
}

static void drain(void)
{
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	reap();
}

static void (*const ways[])(void) = {
	wait_for_one, wait_for_many, wait_with_deadline,
	run_for_one,  run_for_many,  reap,
	drain,
};

static const char *const names[] = {
	"wait(1)",  "wait(all)", "wait(2)", "run(1)",
	"run(all)", "reap",	 "drain",
};

static const uint32_t flag_sets[] = {
	0,
	KAIO_QUEUE_NO_RING,
	KAIO_QUEUE_WAKE,
	KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED,
	KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE,
	ALL & ~(uint32_t)KAIO_QUEUE_NO_RING,
	ALL,
};

static void create(uint32_t flags, const char *way)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = NR };
	static char name[64];

	snprintf(name, sizeof(name), "flags %#x, %s:", flags, way);
	cell = name;
	completed = 0;
	ck_assert_ok(kaio_queue_create(&queue, DEPTH, &params));
	faults_before_call(check_sleep);
}

static void destroy(void)
{
	faults_before_call(NULL);
	ck_assert_uint_eq(completed, NR);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}

/* The table, for operations that prep makes. */
static void collect_in_each_way(void (*prep)(struct kaio_iocb *iocb, size_t i))
{
	size_t set, way, i;

	for (set = 0; set < COUNT(flag_sets); set++) {
		for (way = 0; way < COUNT(ways); way++) {
			create(flag_sets[set], names[way]);
			for (i = 0; i < NR; i++) {
				prep(&ops[i].iocb, i);
				ops[i].complete = count;
				ck_assert_ok(
					kaio_queue_push(queue, &ops[i].iocb));
			}
			ways[way]();
			destroy();
		}
	}
}

static void transfer_in_each_way(void (*prep)(struct kaio_iocb *iocb, size_t i),
				 int status)
{
	struct kaio_transfer *transfer;
	size_t set, i;
	int way, ret;

	for (set = 0; set < 2 * COUNT(flag_sets); set++) {
		way = set % 2;
		create(flag_sets[set / 2],
		       way ? "transfer_test" : "transfer_wait");
		ck_assert_ok(kaio_transfer_create(&transfer, queue, NR, NULL));
		for (i = 0; i < NR; i++)
			prep(kaio_transfer_iocb(transfer, (unsigned)i), i);
		ck_assert_ok(kaio_transfer_post(transfer));
		do {
			ret = way ? kaio_transfer_test(transfer)
				  : kaio_transfer_wait(transfer, KAIO_FOREVER);
		} while (way && ret == -EINPROGRESS);
		ck_assert_int_eq(ret, status);
		completed = NR;
		ck_assert_ok(kaio_transfer_release(transfer));
		destroy();
	}
}

/* It completes inside io_submit. */
static void prep_good(struct kaio_iocb *iocb, size_t i)
{
	(void)i;
	fixture_good(iocb);
}

static void prep_mixed(struct kaio_iocb *iocb, size_t i)
{
	if (i % 3 == 1)
		fixture_bad(iocb);
	else
		fixture_good(iocb);
}

/* On a worker of the kernel's, beside others that complete at once. */
static void prep_slow(struct kaio_iocb *iocb, size_t i)
{
	static int fd = -1;

	if (fd < 0)
		fd = fixture_file(O_RDWR, 4096);
	if (i % 2)
		fixture_good(iocb);
	else
		kaio_prep_fsync(iocb, fd);
}

START_TEST(what_completes_at_once_is_collected_without_sleep)
{
	collect_in_each_way(prep_good);
	transfer_in_each_way(prep_good, 0);
}
END_TEST

START_TEST(what_the_kernel_rejects_is_collected_without_sleep)
{
	collect_in_each_way(prep_mixed);
	transfer_in_each_way(prep_mixed, -EBADF);
}
END_TEST

START_TEST(sleeps_are_for_what_is_in_flight)
{
	collect_in_each_way(prep_slow);
	transfer_in_each_way(prep_slow, 0);
}
END_TEST

START_TEST(with_nothing_outstanding_nothing_sleeps)
{
	struct kaio_event event;
	size_t set;

	for (set = 0; set < COUNT(flag_sets); set++) {
		create(flag_sets[set], "idle");
		completed = NR;
		ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
		ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 0);
		if (!queue_waits_when_idle(queue)) {
			ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1,
							 KAIO_FOREVER),
					 0);
			ck_assert_int_eq(kaio_queue_run(queue, 1, KAIO_FOREVER),
					 0);
		}
		destroy();
	}
}
END_TEST

Suite *suite_queue_idle(void)
{
	const TTest *tests[] = {
		what_completes_at_once_is_collected_without_sleep,
		what_the_kernel_rejects_is_collected_without_sleep,
		sleeps_are_for_what_is_in_flight,
		with_nothing_outstanding_nothing_sleeps,
	};

	return harness_both_ways("queue: idle", tests, COUNT(tests));
}
