/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: its life, its bounds, and what its calls refuse. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

START_TEST(an_operation_comes_back_once_with_its_data)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_event event;
	struct kaio_iocb iocb;

	fixture_good(&iocb);
	kaio_iocb_set_data64(&iocb, 0x123456789abcdef0);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	ck_assert_int_eq(event.res, 1);
	ck_assert_int_eq(event.res2, 0);
	ck_assert_uint_eq(event.data, 0x123456789abcdef0);
	ck_assert_ptr_eq(kaio_event_iocb(&event), &iocb);
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(create_refuses_what_it_does_not_know)
{
	struct kaio_queue *queue = (void *)&queue;
	struct kaio_queue_params params = { 0 };
	size_t i;

	ck_assert_int_eq(kaio_queue_create(NULL, 1, NULL), -EINVAL);
	ck_assert_int_eq(kaio_queue_create(&queue, 0, NULL), -EINVAL);
	ck_assert_int_eq(kaio_queue_create(&queue, 4194305, NULL), -EINVAL);
	ck_assert_int_eq(kaio_queue_create(&queue, UINT_MAX, NULL), -EINVAL);
	for (i = 5; i < 32; i++) {
		params.flags = (uint32_t)1 << i;
		ck_assert_int_eq(kaio_queue_create(&queue, 1, &params),
				 -EINVAL);
	}
	params.flags = 0;
	params.spin_ns = -2;
	ck_assert_int_eq(kaio_queue_create(&queue, 1, &params), -EINVAL);
	params.spin_ns = 0;
	params.backlog = INT_MAX;
	ck_assert_int_eq(kaio_queue_create(&queue, 1, &params), -EINVAL);
	faults_fail_memory(0);
	params.backlog = INT_MAX - 1;
	ck_assert_int_eq(kaio_queue_create(&queue, 1, &params), -ENOMEM);
	params.backlog = 0;
	for (i = 0; i < COUNT(params.reserved); i++) {
		params.reserved[i] = 1;
		ck_assert_int_eq(kaio_queue_create(&queue, 1, &params),
				 -EINVAL);
		params.reserved[i] = 0;
	}
	ck_assert_ptr_eq(queue, (void *)&queue);
	ck_assert_uint_eq(faults_calls(SYS_io_setup), 0);
}
END_TEST

START_TEST(create_passes_the_errors_of_io_setup_through)
{
	const int errors[] = { EAGAIN, ENOMEM, ENOSYS, EPERM };
	struct kaio_queue *queue;
	size_t i;

	for (i = 0; i < COUNT(errors); i++) {
		faults_fail(SYS_io_setup, errors[i], 1);
		errno = 4711;
		ck_assert_int_eq(kaio_queue_create(&queue, 1, NULL),
				 -errors[i]);
		ck_assert_int_eq(errno, 4711);
	}
}
END_TEST

START_TEST(create_beyond_aio_max_nr_is_eagain)
{
	FILE *file = fopen("/proc/sys/fs/aio-max-nr", "r");
	struct kaio_queue *queue;
	unsigned max = 0;

	if (!file || fscanf(file, "%u", &max) != 1 || max >= 4194304)
		SKIP("fs.aio-max-nr is unknown, or without effect");
	fclose(file);
	ck_assert_int_eq(kaio_queue_create(&queue, max + 1, NULL), -EAGAIN);
}
END_TEST

START_TEST(calls_without_a_queue_are_refused)
{
	struct kaio_queue_stats stats;
	struct kaio_event event;
	struct kaio_iocb iocb;

	ck_assert_int_eq(kaio_queue_push(NULL, &iocb), -EINVAL);
	ck_assert_int_eq(kaio_queue_submit(NULL), -EINVAL);
	ck_assert_int_eq(kaio_queue_reap(NULL, &event, 1), -EINVAL);
	ck_assert_int_eq(kaio_queue_wait(NULL, &event, 1, 1, 0), -EINVAL);
	ck_assert_int_eq(kaio_queue_cancel(NULL, &iocb), -EINVAL);
	ck_assert_int_eq(kaio_queue_drain(NULL, 0), -EINVAL);
	ck_assert_uint_eq(kaio_queue_inflight(NULL), 0);
	ck_assert_uint_eq(kaio_queue_backlog(NULL), 0);
	ck_assert_uint_eq(kaio_queue_depth(NULL), 0);
	memset(&stats, 0xff, sizeof(stats));
	kaio_queue_stats(NULL, &stats);
	ck_assert_uint_eq(stats.pushed, 0);
	ck_assert_ok(kaio_queue_destroy(NULL));
}
END_TEST

START_TEST(bad_arguments_are_refused_and_lose_nothing)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	struct kaio_event events[4];
	struct kaio_iocb iocb;
	int64_t result;

	fixture_good(&iocb);
	ck_assert_int_eq(kaio_queue_push(queue, NULL), -EINVAL);
	ck_assert_int_eq(kaio_queue_cancel(queue, NULL), -EINVAL);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_int_eq(kaio_queue_reap(queue, NULL, 1), -EINVAL);
	ck_assert_int_eq(kaio_queue_reap(queue, events, 1 + (unsigned)INT_MAX),
			 -EINVAL);
	ck_assert_int_eq(kaio_queue_wait(queue, NULL, 0, 1, 0), -EINVAL);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 2, 1, 0), -EINVAL);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 1, -2), -EINVAL);
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 1, INT64_MIN),
			 -EINVAL);
	ck_assert_int_eq(kaio_queue_drain(queue, -2), -EINVAL);
	ck_assert_uint_eq(faults_calls(SYS_io_submit), 0);
	ck_assert_int_eq(kaio_queue_wait(queue, NULL, 0, 0, 0), 0);
	fixture_collect_all(queue, 4, &iocb, 1, &result);
	ck_assert_int_eq(result, 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(no_more_than_depth_are_in_flight)
{
	struct kaio_queue *queue = fixture_queue(3, 7);
	struct kaio_iocb iocbs[10];
	struct kaio_event events[10];
	size_t i;

	for (i = 0; i < COUNT(iocbs); i++)
		fixture_endless(&iocbs[i]);
	fixture_push(queue, iocbs, COUNT(iocbs));
	ck_assert_uint_eq(kaio_queue_depth(queue), 3);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 10);
	ck_assert_int_eq(kaio_queue_submit(queue), 3);
	ck_assert_int_eq(kaio_queue_submit(queue), 0);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 3);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 7);
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[1]));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, 10, KAIO_FOREVER),
			 1);
	ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &iocbs[1]);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 3);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 6);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(statistics_add_up)
{
	struct kaio_queue *queue = fixture_queue(4, 4);
	struct kaio_queue_stats stats;
	struct kaio_iocb iocbs[6];
	int64_t results[6];
	size_t i;

	for (i = 0; i < COUNT(iocbs); i++)
		fixture_good(&iocbs[i]);
	fixture_bad(&iocbs[1]);
	fixture_push(queue, iocbs, COUNT(iocbs));
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[5]));
	fixture_collect_all(queue, 8, iocbs, COUNT(iocbs), results);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.pushed, 6);
	ck_assert_uint_eq(stats.submitted, 4);
	ck_assert_uint_eq(stats.rejected, 1);
	ck_assert_uint_eq(stats.canceled, 1);
	ck_assert_uint_eq(stats.completed, 6);
	ck_assert_uint_eq(stats.partial_submits, 1);
	ck_assert_uint_eq(stats.eagains, 0);
	ck_assert_uint_eq(stats.cancel_calls, 0);
	ck_assert_uint_eq(stats.submit_calls, faults_calls(SYS_io_submit));
	ck_assert_uint_eq(stats.getevents_calls,
			  faults_calls(SYS_io_getevents));
	ck_assert_uint_eq(stats.ring_reaps, harness_has_ring() ? 4 : 0);
	for (i = 0; i < COUNT(stats.reserved); i++)
		ck_assert_uint_eq(stats.reserved[i], 0);
	fixture_endless(&iocbs[0]);
	fixture_push(queue, iocbs, 1);
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[0]));
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.cancel_calls, 1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(an_operation_of_depth_1_costs_one_system_call)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_event event;
	struct kaio_iocb iocb;
	int i;

	if (!harness_has_ring())
		SKIP("it takes the ring");
	fixture_good(&iocb);
	for (i = 0; i < 1000; i++) {
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	}
	ck_assert_uint_eq(faults_calls(SYS_io_submit), 1000);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 0);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static uint64_t ring_reaps(uint32_t flags)
{
	const struct kaio_queue_params params = { .flags = flags };
	struct kaio_queue_stats stats;
	struct kaio_queue *queue;
	struct kaio_iocb iocb;
	int64_t result;

	ck_assert_ok(kaio_queue_create(&queue, 1, &params));
	fixture_good(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	fixture_collect_all(queue, 1, &iocb, 1, &result);
	ck_assert_int_eq(result, 1);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.getevents_calls > 0, !stats.ring_reaps);
	ck_assert_ok(kaio_queue_destroy(queue));
	return stats.ring_reaps;
}

START_TEST(the_flag_no_ring_makes_no_use_of_the_ring)
{
	ck_assert_uint_eq(ring_reaps(KAIO_QUEUE_NO_RING), 0);
}
END_TEST

START_TEST(a_ring_of_another_format_is_not_read)
{
	faults_other_ring(true);
	ck_assert_uint_eq(ring_reaps(0), 0);
	ck_assert_uint_eq(ring_reaps(KAIO_QUEUE_SHARED), 0);
	faults_other_ring(false);
	ck_assert_uint_eq(ring_reaps(0), harness_has_ring());
}
END_TEST

START_TEST(under_valgrind_the_ring_is_read_only_if_told_so)
{
	ck_assert_ok(setenv("KAIO_NO_RING", "", 1));
	ck_assert_ok(setenv("LD_PRELOAD", "/a/lib.so", 1));
	ck_assert_uint_eq(ring_reaps(0), 1);
	ck_assert_ok(setenv("LD_PRELOAD", "/a/vgpreload_memcheck.so", 1));
	ck_assert_uint_eq(ring_reaps(0), 0);
	ck_assert_ok(setenv("KAIO_NO_RING", "0", 1));
	ck_assert_uint_eq(ring_reaps(0), 1);
}
END_TEST

START_TEST(destroy_lets_go_of_backlog_and_flight)
{
	struct kaio_queue *queue = fixture_queue(2, 2);
	struct kaio_iocb iocbs[4];

	fixture_endless(&iocbs[0]);
	fixture_good(&iocbs[1]);
	fixture_good(&iocbs[2]);
	fixture_bad(&iocbs[3]);
	fixture_push(queue, iocbs, COUNT(iocbs));
	ck_assert_int_eq(kaio_queue_submit(queue), 2);
	errno = 4711;
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_int_eq(errno, 4711);
	ck_assert_int_eq(kaio_submit(faults_context, 0, NULL), -EINVAL);
}
END_TEST

Suite *suite_queue(void)
{
	const TTest *tests[] = {
		an_operation_comes_back_once_with_its_data,
		create_refuses_what_it_does_not_know,
		create_passes_the_errors_of_io_setup_through,
		create_beyond_aio_max_nr_is_eagain,
		calls_without_a_queue_are_refused,
		bad_arguments_are_refused_and_lose_nothing,
		no_more_than_depth_are_in_flight,
		statistics_add_up,
		an_operation_of_depth_1_costs_one_system_call,
		the_flag_no_ring_makes_no_use_of_the_ring,
		a_ring_of_another_format_is_not_read,
		under_valgrind_the_ring_is_read_only_if_told_so,
		destroy_lets_go_of_backlog_and_flight,
	};

	return harness_both_ways("queue", tests, COUNT(tests));
}
