/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: the eventfds of operations that it completes by itself. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

static uint64_t count(int fd)
{
	uint64_t value = 0;

	ck_assert(read(fd, &value, sizeof(value)) == sizeof(value) ||
		  errno == EAGAIN);
	return value;
}

START_TEST(a_refused_operation_signals_its_eventfd_too)
{
	struct kaio_queue *queue = fixture_queue(4, 0);
	int fd = eventfd(0, EFD_NONBLOCK);
	struct kaio_iocb iocbs[3];
	int64_t results[3];

	fixture_bad(&iocbs[0]);
	fixture_good(&iocbs[1]);
	fixture_good(&iocbs[2]);
	kaio_iocb_set_eventfd(&iocbs[0], fd);
	kaio_iocb_set_eventfd(&iocbs[2], fd);
	fixture_push(queue, iocbs, 3);
	ck_assert_ok(kaio_queue_cancel(queue, &iocbs[2]));
	ck_assert_uint_eq(count(fd), 1);
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	ck_assert_uint_eq(count(fd), 1);
	fixture_collect_all(queue, 3, iocbs, 3, results);
	ck_assert_int_eq(results[0], -EBADF);
	ck_assert_int_eq(results[1], 1);
	ck_assert_int_eq(results[2], -ECANCELED);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_full_eventfd_does_not_block_a_refusal)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	const uint64_t full = UINT64_MAX - 1;
	int fd = eventfd(0, 0);
	struct kaio_iocb iocb;
	int64_t result;

	ck_assert_int_eq(write(fd, &full, sizeof(full)), sizeof(full));
	fixture_bad(&iocb);
	kaio_iocb_set_eventfd(&iocb, fd);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	fixture_collect_all(queue, 1, &iocb, 1, &result);
	ck_assert_int_eq(result, -EBADF);
	ck_assert_uint_eq(count(fd), full);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

/* By the kernel's own additions; it is readable then, and has an error. */
START_TEST(an_eventfd_that_overflowed_does_not_block_a_refusal)
{
	struct kaio_queue *queue = fixture_queue(2, 0);
	const uint64_t full = UINT64_MAX - 1;
	int fd = eventfd(0, 0);
	struct kaio_iocb iocbs[2];
	int64_t results[2];

	ck_assert_int_eq(write(fd, &full, sizeof(full)), sizeof(full));
	fixture_good(&iocbs[0]);
	fixture_bad(&iocbs[1]);
	kaio_iocb_set_eventfd(&iocbs[0], fd);
	kaio_iocb_set_eventfd(&iocbs[1], fd);
	fixture_push(queue, iocbs, 2);
	fixture_collect_all(queue, 2, iocbs, 2, results);
	ck_assert_int_eq(results[0], 1);
	ck_assert_int_eq(results[1], -EBADF);
	ck_assert_uint_eq(count(fd), UINT64_MAX);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

START_TEST(a_file_that_was_taken_for_an_eventfd_is_not_written)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_iocb iocb;
	int64_t result;
	char content[16];
	int fds[2];
	int file = fixture_file(O_RDWR, sizeof(content));

	ck_assert_ok(pipe2(fds, O_NONBLOCK));
	fixture_good(&iocb);
	kaio_iocb_set_eventfd(&iocb, file);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	fixture_collect_all(queue, 1, &iocb, 1, &result);
	ck_assert_int_eq(result, -EINVAL);
	ck_assert_int_eq(pread(file, content, sizeof(content), 0), 16);
	fixture_check(content, sizeof(content), 0);
	kaio_iocb_set_eventfd(&iocb, fds[1]);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	fixture_collect_all(queue, 1, &iocb, 1, &result);
	ck_assert_int_eq(result, -EINVAL);
	ck_assert_int_eq(read(fds[0], content, 1), -1);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_resfd(void)
{
	const TTest *tests[] = {
		a_refused_operation_signals_its_eventfd_too,
		a_full_eventfd_does_not_block_a_refusal,
		an_eventfd_that_overflowed_does_not_block_a_refusal,
		a_file_that_was_taken_for_an_eventfd_is_not_written,
	};

	return harness_both_ways("queue: resfd", tests, COUNT(tests));
}
