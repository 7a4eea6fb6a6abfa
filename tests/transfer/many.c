/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The transfer layer: more operations, and more transfers, than fit. */
#include "queue/queue.h"
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void run_to_the_end(struct kaio_queue *queue,
			   struct kaio_transfer *transfer)
{
	while (kaio_transfer_bytes(transfer) < 10000)
		ck_assert_int_gt(kaio_queue_run(queue, 1, KAIO_FOREVER), 0);
}

static void test_to_the_end(struct kaio_queue *queue,
			    struct kaio_transfer *transfer)
{
	(void)queue;
	while (kaio_transfer_test(transfer) == -EINPROGRESS)
		;
}

static void wait_to_the_end(struct kaio_queue *queue,
			    struct kaio_transfer *transfer)
{
	(void)queue;
	ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
}

START_TEST(ten_thousand_operations_go_through_a_queue_of_32)
{
	void (*const ways[])(struct kaio_queue *, struct kaio_transfer *) = {
		run_to_the_end, test_to_the_end, wait_to_the_end
	};
	struct kaio_queue *queue = fixture_queue(32, 0);
	struct kaio_transfer *transfer = fixture_transfer(queue, 10000);
	size_t way, i;

	for (way = 0; way < COUNT(ways); way++) {
		faults_nr_taken = 0;
		ck_assert_ok(kaio_transfer_post(transfer));
		ways[way](queue, transfer);
		ck_assert_ok(kaio_transfer_test(transfer));
		ck_assert_int_eq(kaio_transfer_bytes(transfer), 10000);
		/* Each once, and in order. */
		ck_assert_uint_eq(faults_nr_taken, 10000);
		for (i = 0; i < 10000; i++)
			ck_assert_ptr_eq(
				faults_taken[i],
				kaio_transfer_iocb(transfer, (unsigned)i));
		/* Else all that come later would go the long way. */
		ck_assert(!queue_has_waiting(queue));
	}
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* What the kernel has fetched from devices for this process; -1: not told. */
static long long bytes_fetched(void)
{
	FILE *io = fopen("/proc/self/io", "r");
	long long bytes = -1;
	char line[80];

	while (io && fgets(line, sizeof(line), io))
		if (sscanf(line, "read_bytes: %lld", &bytes) == 1)
			break;
	if (io)
		fclose(io);
	return bytes;
}

START_TEST(every_post_moves_its_bytes_as_the_kernel_counts_them)
{
	const int64_t size = 1024 * 4096;
	struct kaio_transfer *transfer;
	struct kaio_queue *queue;
	char *buffer = fixture_buffer(size);
	long long before;
	int fd = fixture_file(O_RDONLY | O_DIRECT, size);
	int i;

	if (harness_is_under_valgrind())
		SKIP("so many bytes take it minutes");
	if (fd < 0)
		SKIP("O_DIRECT: %s", strerror(errno));
	before = bytes_fetched();
	ck_assert_int_eq(pread(fd, buffer, size, 0), size);
	if (before < 0 || bytes_fetched() - before != size)
		SKIP("/proc/self/io does not count this file's reads");
	queue = fixture_queue(64, 0);
	ck_assert_ok(kaio_transfer_create(&transfer, queue, 1024, 0));
	for (i = 0; i < 1024; i++)
		kaio_prep_pread(kaio_transfer_iocb(transfer, (unsigned)i), fd,
				buffer + 4096 * i, 4096, 4096 * i);
	before = bytes_fetched();
	for (i = 1; i <= 20; i++) {
		ck_assert_ok(kaio_transfer_post(transfer));
		ck_assert_ok(kaio_transfer_wait(transfer, KAIO_FOREVER));
		ck_assert_int_eq(kaio_transfer_bytes(transfer), size);
		ck_assert_int_eq(bytes_fetched() - before, i * size);
	}
	fixture_check(buffer, size, 0);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(two_hundred_transfers_have_their_own_status)
{
	enum {
		NR = 200
	};
	struct kaio_queue *queue = fixture_queue(16, 16);
	struct kaio_transfer *transfers[NR];
	unsigned round, i, active;

	for (i = 0; i < NR; i++)
		transfers[i] = fixture_transfer(queue, 1 + i % 7);
	fixture_bad(kaio_transfer_iocb(transfers[7], 0));
	for (round = 0; round < 10; round++) {
		unsigned endless = 100 + round;

		fixture_endless(kaio_transfer_iocb(transfers[endless], 0));
		for (i = 0; i < NR; i++)
			ck_assert_ok(kaio_transfer_post(transfers[i]));
		do {
			active = 0;
			for (i = 0; i < NR; i++)
				active += kaio_transfer_test(transfers[i]) ==
					  -EINPROGRESS;
		} while (active > 1);
		ck_assert_int_eq(kaio_transfer_test(transfers[endless]),
				 -EINPROGRESS);
		ck_assert_ok(kaio_queue_cancel(
			queue, kaio_transfer_iocb(transfers[endless], 0)));
		ck_assert_ok(
			kaio_transfer_wait(transfers[endless], KAIO_FOREVER));
		fixture_good(kaio_transfer_iocb(transfers[endless], 0));
		for (i = 0; i < NR; i++) {
			ck_assert_int_eq(kaio_transfer_test(transfers[i]),
					 i == 7 ? -EBADF : 0);
			if (i != endless && i != 7)
				ck_assert_int_eq(
					kaio_transfer_bytes(transfers[i]),
					1 + i % 7);
		}
	}
	for (i = 0; i < NR; i++)
		ck_assert_ok(kaio_transfer_release(transfers[i]));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

static struct plain {
	struct kaio_op op;
	int calls;
} plain[8];

static void note(struct kaio_op *op, int64_t res)
{
	struct plain *this = (struct plain *)op;

	ck_assert_int_eq(res, 1);
	this->calls++;
}

START_TEST(those_that_find_the_queue_full_are_fed_in_order_of_posts)
{
	struct kaio_queue *queue = fixture_queue(4, 4);
	struct kaio_transfer *first = fixture_transfer(queue, 20);
	struct kaio_transfer *second = fixture_transfer(queue, 20);
	struct kaio_transfer *third = fixture_transfer(queue, 1);
	size_t i;

	for (i = 0; i < COUNT(plain); i++) {
		fixture_good(&plain[i].op.iocb);
		plain[i].op.complete = note;
		plain[i].calls = 0;
		ck_assert_ok(kaio_queue_push(queue, &plain[i].op.iocb));
	}
	ck_assert_ok(kaio_transfer_post(second));
	ck_assert_ok(kaio_transfer_post(first));
	ck_assert_ok(kaio_transfer_post(third));
	ck_assert_int_eq(kaio_transfer_result(second, 0), -EINPROGRESS);
	/* Driven for the last, all have their turn. */
	ck_assert_ok(kaio_transfer_wait(third, KAIO_FOREVER));
	for (i = 0; i < COUNT(plain); i++)
		ck_assert_int_eq(plain[i].calls, 1);
	ck_assert_uint_eq(faults_nr_taken, 8 + 20 + 20 + 1);
	for (i = 0; i < 20; i++) {
		ck_assert_ptr_eq(faults_taken[8 + i],
				 kaio_transfer_iocb(second, (unsigned)i));
		ck_assert_ptr_eq(faults_taken[28 + i],
				 kaio_transfer_iocb(first, (unsigned)i));
	}
	ck_assert_ok(kaio_transfer_wait(first, KAIO_FOREVER));
	ck_assert_ok(kaio_transfer_wait(second, KAIO_FOREVER));
	ck_assert_ok(kaio_transfer_release(first));
	ck_assert_ok(kaio_transfer_release(second));
	ck_assert_ok(kaio_transfer_release(third));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(an_eventfd_of_its_own_is_refused_on_a_queue_that_has_one)
{
	const struct kaio_queue_params params = { .flags = KAIO_QUEUE_EVENTFD };
	struct kaio_queue *queue = NULL;
	struct kaio_transfer *transfer;
	unsigned i;

	ck_assert_ok(kaio_queue_create(&queue, 8, &params));
	transfer = fixture_transfer(queue, 20);
	kaio_iocb_set_eventfd(kaio_transfer_iocb(transfer, 3), 0);
	kaio_iocb_set_eventfd(kaio_transfer_iocb(transfer, 19), 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -EINVAL);
	for (i = 0; i < 20; i++)
		ck_assert_int_eq(kaio_transfer_result(transfer, i),
				 i == 3 || i == 19 ? -EINVAL : 1);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 18);
	ck_assert_ok(kaio_transfer_release(transfer));
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_transfer_many(void)
{
	const TTest *tests[] = {
		ten_thousand_operations_go_through_a_queue_of_32,
		every_post_moves_its_bytes_as_the_kernel_counts_them,
		two_hundred_transfers_have_their_own_status,
		those_that_find_the_queue_full_are_fed_in_order_of_posts,
		an_eventfd_of_its_own_is_refused_on_a_queue_that_has_one,
	};

	return harness_both_ways("transfer: many", tests, COUNT(tests));
}
