/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Disks that fail, are slow, or go away with operations in flight. */
#include "disk.h"
#include "fixture.h"
#include "fuse.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NR 16
#define SIZE 65536 /* NR of them are the file */
#define BAD (FUSE_BAD / SIZE)

static void prep_reads(struct kaio_iocb *iocb, int fd, char *buffer, unsigned i)
{
	kaio_prep_pread(iocb, fd, buffer + (size_t)i * SIZE, SIZE,
			(int64_t)i * SIZE);
}

static struct kaio_transfer *reads(struct kaio_queue *queue, char *buffer)
{
	struct kaio_transfer *transfer;
	unsigned i;

	ck_assert_ok(kaio_transfer_create(&transfer, queue, NR, NULL));
	for (i = 0; i < NR; i++)
		prep_reads(kaio_transfer_iocb(transfer, i), fuse_fd, buffer, i);
	return transfer;
}

/* Also a short read, continued into the bad bytes, has their error. */
START_TEST(a_bad_sector_costs_the_operations_that_touch_it)
{
	char *buffer = fixture_buffer(FUSE_SIZE);
	struct kaio_queue *queue = fixture_queue(NR, 0);
	struct kaio_transfer *transfer;
	struct kaio_iocb iocbs[NR];
	int64_t results[NR];
	unsigned i;

	if (!fuse_serve())
		SKIP("%s", fuse_reason);
	for (i = 0; i < NR; i++)
		prep_reads(&iocbs[i], fuse_fd, buffer, i);
	fixture_push(queue, iocbs, NR);
	fixture_collect_all(queue, 3, iocbs, NR, results);
	for (i = 0; i < NR; i++) {
		ck_assert_int_eq(results[i], i == BAD ? -EIO : SIZE);
		if (i != BAD)
			fixture_check(buffer + (size_t)i * SIZE, SIZE,
				      (uint64_t)i * SIZE);
	}
	transfer = reads(queue, buffer);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -EIO);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(kaio_transfer_result(transfer, i),
				 i == BAD ? -EIO : SIZE);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), (NR - 1) * SIZE);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* Nothing but a wait waits for it, and other files go on meanwhile. */
START_TEST(a_slow_disk_holds_up_nothing_but_its_own_operations)
{
	char *buffer = fixture_buffer(FUSE_SIZE);
	struct kaio_queue *queue = fixture_queue(NR, NR);
	struct kaio_event events[NR];
	struct kaio_iocb slow[NR - 1];
	struct kaio_iocb good;
	int64_t results[NR - 1];
	unsigned i;

	if (!fuse_serve())
		SKIP("%s", fuse_reason);
	for (i = 0; i < NR - 1; i++)
		prep_reads(&slow[i], fuse_fd, buffer, i);
	fuse_hold();
	fixture_push(queue, slow, NR - 1);
	ck_assert_int_eq(kaio_queue_submit(queue), NR - 1);
	fuse_wait_for_held(NR - 1);
	ck_assert_int_eq(kaio_queue_reap(queue, events, NR), 0);
	ck_assert_int_eq(kaio_queue_wait(queue, events, NR, NR, 1000000), 0);
	ck_assert_int_eq(kaio_queue_drain(queue, 1000000), -ETIMEDOUT);
	ck_assert_int_eq(kaio_queue_cancel(queue, &slow[0]), -EBUSY);
	for (i = 0; i < 100; i++) {
		fixture_good(&good);
		ck_assert_ok(kaio_queue_push(queue, &good));
		ck_assert_int_eq(
			kaio_queue_wait(queue, events, 1, NR, KAIO_FOREVER), 1);
		ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &good);
	}
	ck_assert_uint_eq(kaio_queue_inflight(queue), NR - 1);
	fuse_release();
	fixture_collect_all(queue, 4, slow, NR - 1, results);
	for (i = 0; i < NR - 1; i++)
		ck_assert_int_eq(results[i], i == BAD ? -EIO : SIZE);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_transfer_on_a_slow_disk_is_cancelled_and_released_without_waiting)
{
	char *buffer = fixture_buffer(FUSE_SIZE);
	struct kaio_queue *queue = fixture_queue(NR / 2, 0);
	struct kaio_transfer *transfer;
	unsigned i;
	int ret;

	if (!fuse_serve())
		SKIP("%s", fuse_reason);
	transfer = reads(queue, buffer);
	fuse_hold();
	ck_assert_ok(kaio_transfer_post(transfer));
	fuse_wait_for_held(NR / 2);
	ck_assert_int_eq(kaio_transfer_wait(transfer, 1000000), -EINPROGRESS);
	ck_assert_ok(kaio_transfer_cancel(transfer));
	ck_assert_int_eq(kaio_transfer_test(transfer), -EINPROGRESS);
	fuse_release();
	do {
		ret = kaio_transfer_wait(transfer, KAIO_FOREVER);
	} while (ret == -EINTR);
	ck_assert_int_eq(ret, -ECANCELED);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(kaio_transfer_result(transfer, i),
				 i < NR / 2 ? SIZE : -ECANCELED);
	fuse_hold();
	ck_assert_ok(kaio_transfer_post(transfer));
	fuse_wait_for_held(NR / 2);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_uint_eq(kaio_queue_inflight(queue), NR / 2);
	ck_assert_int_eq(kaio_queue_drain(queue, 0), -ETIMEDOUT);
	fuse_release();
	ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static void check_gone(struct kaio_queue *queue, struct kaio_iocb *iocbs)
{
	int64_t results[NR];
	unsigned i;

	fixture_collect_all(queue, 3, iocbs, NR, results);
	for (i = 0; i < NR; i++)
		ck_assert_int_lt(results[i], 0);
}

START_TEST(a_disk_that_goes_away_fails_each_operation_once_and_keeps_none)
{
	char *buffer = fixture_buffer(FUSE_SIZE);
	struct kaio_queue *queue = fixture_queue(NR / 2, NR);
	struct kaio_transfer *transfer;
	struct kaio_iocb iocbs[NR];
	unsigned i;

	if (!fuse_serve())
		SKIP("%s", fuse_reason);
	fuse_hold();
	for (i = 0; i < NR; i++)
		prep_reads(&iocbs[i], fuse_fd, buffer, i);
	fixture_push(queue, iocbs, NR);
	ck_assert_int_eq(kaio_queue_submit(queue), NR / 2);
	fuse_wait_for_held(NR / 2);
	fuse_detach();
	check_gone(queue, iocbs);
	fixture_push(queue, iocbs, NR);
	check_gone(queue, iocbs);
	transfer = reads(queue, buffer);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_lt(kaio_transfer_wait(transfer, KAIO_FOREVER), 0);
	ck_assert_int_eq(kaio_transfer_active(transfer), 0);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 0);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_queue_is_destroyed_after_its_disk_has_gone_with_all_in_flight)
{
	char *buffer = fixture_buffer(FUSE_SIZE);
	struct kaio_queue *queue = fixture_queue(NR, 0);
	struct kaio_transfer *transfer;

	if (!fuse_serve())
		SKIP("%s", fuse_reason);
	fuse_hold();
	transfer = reads(queue, buffer);
	ck_assert_ok(kaio_transfer_post(transfer));
	fuse_wait_for_held(NR);
	fuse_detach();
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_int_eq(kaio_transfer_test(transfer), -ECANCELED);
	ck_assert_ok(kaio_transfer_release(transfer));
}
END_TEST

/* Half of its file is cut off: what is left can be read. */
START_TEST(a_block_device_fails_where_its_file_has_nothing)
{
	char *buffer = fixture_buffer((size_t)NR * SIZE);
	struct kaio_queue *queue = fixture_queue(NR, 0);
	struct kaio_iocb iocbs[NR];
	int64_t results[NR];
	unsigned i;

	if (!disk_attach(512))
		SKIP("%s", disk_reason);
	ck_assert_ok(ftruncate(disk_file, NR / 2 * SIZE));
	for (i = 0; i < NR; i++)
		prep_reads(&iocbs[i], disk_fd, buffer, i);
	fixture_push(queue, iocbs, NR);
	fixture_collect_all(queue, 3, iocbs, NR, results);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(results[i], i < NR / 2 ? SIZE : -EIO);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* What comes after that is done or fails, as the kernel's version has it. */
START_TEST(a_loop_device_is_detached_with_writes_in_flight)
{
	char *buffer = fixture_buffer((size_t)NR * SIZE);
	struct kaio_queue *queue = fixture_queue(NR, 0);
	struct kaio_iocb iocbs[NR];
	int64_t results[NR];
	unsigned round;
	unsigned i;

	if (!disk_attach(512))
		SKIP("%s", disk_reason);
	for (i = 0; i < NR; i++)
		kaio_prep_pwrite(&iocbs[i], disk_fd, buffer + (size_t)i * SIZE,
				 SIZE, (int64_t)i * SIZE);
	for (round = 0; round < 2; round++) {
		fixture_fill(buffer, (size_t)NR * SIZE, round);
		fixture_push(queue, iocbs, NR);
		ck_assert_int_eq(kaio_queue_submit(queue), NR);
		if (round == 0)
			ck_assert_ok(ioctl(disk_fd, LOOP_CLR_FD));
		fixture_collect_all(queue, 3, iocbs, NR, results);
		for (i = 0; i < NR; i++)
			ck_assert(results[i] == SIZE || results[i] == -EIO);
	}
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_world_devices(void)
{
	const TTest *tests[] = {
		a_bad_sector_costs_the_operations_that_touch_it,
		a_slow_disk_holds_up_nothing_but_its_own_operations,
		a_transfer_on_a_slow_disk_is_cancelled_and_released_without_waiting,
		a_disk_that_goes_away_fails_each_operation_once_and_keeps_none,
		a_queue_is_destroyed_after_its_disk_has_gone_with_all_in_flight,
		a_block_device_fails_where_its_file_has_nothing,
		a_loop_device_is_detached_with_writes_in_flight,
	};

	return harness_both_ways("world: devices", tests, COUNT(tests));
}
