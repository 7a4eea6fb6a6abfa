/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The queue layer: whatever io_submit returns, every operation completes
 * exactly once, and the kernel gets them in the order in which they were
 * pushed.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH 4

/* 0 to all of a batch; errors that pass; and errors of the head. */
static const int outcomes[] = {
	0,	 1,	  2,	  3,	   BATCH,  -EAGAIN,	-EINTR,
	-ENOMEM, -EINVAL, -EBADF, -EFAULT, -EPERM, -EOPNOTSUPP, -ENOSYS,
};

static bool is_the_heads(int outcome)
{
	return outcome < 0 && outcome != -EAGAIN && outcome != -EINTR &&
	       outcome != -ENOMEM;
}

/* What becomes of a batch of good operations under a script, in theory. */
static void expect(const int *script, size_t nr, int64_t *results)
{
	size_t head = 0;
	size_t i;

	for (i = 0; i < nr && head < BATCH; i++) {
		if (script[i] > 0)
			head += (size_t)script[i];
		else if (is_the_heads(script[i]))
			results[head++] = script[i];
	}
}

static void run_script(struct kaio_queue *queue, const int *script, size_t nr)
{
	struct kaio_iocb iocbs[BATCH];
	int64_t expected[2 * BATCH] = { 1, 1, 1, 1 };
	int64_t results[BATCH];
	size_t i;
	size_t n;

	for (i = 0; i < BATCH; i++)
		fixture_good(&iocbs[i]);
	expect(script, nr, expected);
	faults_nr_taken = 0;
	faults_script_submit(script, nr);
	fixture_push(queue, iocbs, BATCH);
	ck_assert_int_ge(kaio_queue_submit(queue), 0);
	fixture_collect_all(queue, BATCH, iocbs, BATCH, results);
	faults_script_submit(NULL, 0);
	for (i = 0, n = 0; i < BATCH; i++) {
		ck_assert_int_eq(results[i], expected[i]);
		if (expected[i] == 1)
			ck_assert_ptr_eq(faults_taken[n++], &iocbs[i]);
	}
	ck_assert_uint_eq(faults_nr_taken, n);
}

START_TEST(every_pair_of_outcomes_of_io_submit_loses_nothing)
{
	struct kaio_queue *queue = fixture_queue(BATCH, 0);
	size_t first;
	size_t second;

	for (first = 0; first < COUNT(outcomes); first++)
		for (second = 0; second < COUNT(outcomes); second++) {
			const int script[] = { outcomes[first],
					       outcomes[second] };

			run_script(queue, script, COUNT(script));
		}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_batch_taken_one_by_one_with_errors_between_loses_nothing)
{
	const int script[] = { -EAGAIN, 1, -EINTR,  -EINTR, -EBADF, 0,
			       1,	0, -ENOMEM, 0,	    -EFAULT };
	struct kaio_queue *queue = fixture_queue(BATCH, 0);

	run_script(queue, script, COUNT(script));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_bad_operation_at_any_place_costs_only_itself)
{
	struct kaio_queue *queue = fixture_queue(5, 0);
	struct kaio_iocb iocbs[5];
	int64_t results[5];
	unsigned places;
	size_t i;

	/* Every set of bad places, of which a bit is one. */
	for (places = 0; places < 1u << COUNT(iocbs); places++) {
		for (i = 0; i < COUNT(iocbs); i++) {
			if (places >> i & 1)
				fixture_bad(&iocbs[i]);
			else
				fixture_good(&iocbs[i]);
			kaio_iocb_set_data64(&iocbs[i], i + 100 * places);
		}
		fixture_push(queue, iocbs, COUNT(iocbs));
		fixture_collect_all(queue, 2, iocbs, COUNT(iocbs), results);
		for (i = 0; i < COUNT(iocbs); i++)
			ck_assert_int_eq(results[i],
					 places >> i & 1 ? -EBADF : 1);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_pipe_receives_the_operations_in_the_order_pushed)
{
	enum {
		NR = 1000
	};
	const int script[] = { 3, -EAGAIN, 1, -EINTR, 2, 0, 1, 1, -ENOMEM, 4 };
	static struct kaio_iocb iocbs[NR];
	static uint32_t numbers[NR];
	static int64_t results[NR];
	struct kaio_queue *queue = fixture_queue(7, NR);
	uint32_t number;
	uint32_t i;
	int fds[2];

	ck_assert_ok(pipe(fds));
	for (i = 0; i < NR; i++) {
		numbers[i] = i;
		kaio_prep_pwrite(&iocbs[i], fds[1], &numbers[i],
				 sizeof(numbers[i]), 0);
		/* Now and then one that does not come to the pipe. */
		if (i % 10 == 3)
			fixture_bad(&iocbs[i]);
	}
	fixture_push(queue, iocbs, NR);
	faults_script_submit(script, COUNT(script));
	fixture_collect_all(queue, 3, iocbs, NR, results);
	for (i = 0; i < NR; i++) {
		ck_assert_int_eq(results[i], i % 10 == 3 ? -EBADF : 4);
		if (i % 10 == 3)
			continue;
		ck_assert_int_eq(read(fds[0], &number, sizeof(number)),
				 sizeof(number));
		ck_assert_uint_eq(number, i);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_full_ring_holds_the_rest_back_until_some_are_collected)
{
	enum {
		NR = 1000
	};
	static struct kaio_iocb iocbs[NR];
	static int64_t results[NR];
	struct kaio_queue_stats stats;
	struct kaio_queue *queue;
	size_t i;

	/* The queue believes in a depth that the context does not have.
	 */
	faults_setup_size(1);
	queue = fixture_queue(NR, 0);
	for (i = 0; i < NR; i++)
		fixture_good(&iocbs[i]);
	fixture_push(queue, iocbs, NR);
	ck_assert_int_gt(kaio_queue_submit(queue), 0);
	kaio_queue_stats(queue, &stats);
	if (stats.submitted == NR)
		SKIP("the smallest context of this machine has room "
		     "for all");
	ck_assert_uint_eq(stats.eagains, 1);
	ck_assert_uint_eq(kaio_queue_backlog(queue), NR - stats.submitted);
	fixture_collect_all(queue, 50, iocbs, NR, results);
	for (i = 0; i < NR; i++) {
		ck_assert_int_eq(results[i], 1);
		ck_assert_ptr_eq(faults_taken[i], &iocbs[i]);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(many_laps_of_the_ring_lose_nothing)
{
	enum {
		NR = 64,
		LAPS = 1000
	};
	static struct kaio_iocb iocbs[NR];
	struct kaio_event events[NR];
	struct kaio_queue *queue = fixture_queue(NR, 0);
	static unsigned seen[NR];
	unsigned room = 1;
	unsigned total = 0;
	size_t i;

	for (i = 0; i < NR; i++) {
		fixture_good(&iocbs[i]);
		kaio_iocb_set_data64(&iocbs[i], i);
	}
	fixture_push(queue, iocbs, NR);
	while (total < NR * LAPS) {
		int ret = kaio_queue_wait(queue, events, 1, room, KAIO_FOREVER);
		int j;

		ck_assert_int_gt(ret, 0);
		for (j = 0; j < ret; j++) {
			seen[events[j].data]++;
			ck_assert_ok(
				kaio_queue_push(queue, &iocbs[events[j].data]));
		}
		total += (unsigned)ret;
		room = room % NR + 1;
	}
	/* First in, first out on /dev/null: none may be a lap ahead. */
	for (i = 0; i < NR; i++)
		ck_assert_uint_le(seen[i] - seen[NR - 1], 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_splits(void)
{
	const TTest *tests[] = {
		every_pair_of_outcomes_of_io_submit_loses_nothing,
		a_batch_taken_one_by_one_with_errors_between_loses_nothing,
		a_bad_operation_at_any_place_costs_only_itself,
		a_pipe_receives_the_operations_in_the_order_pushed,
		a_full_ring_holds_the_rest_back_until_some_are_collected,
		many_laps_of_the_ring_lose_nothing,
	};

	return harness_both_ways("queue: splits", tests, COUNT(tests));
}
