/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The transfer layer: -EINVAL for the rest of a short operation, which with
 * O_DIRECT may be the end of the file.
 */
#include "disk.h"
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "one.h"
#include "policy.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void refuse_rest_of(int fd, int64_t moved, bool writing, int64_t result)
{
	const int refused[] = { -EINVAL };
	char *buffer = fixture_buffer(SIZE);
	struct kaio_iocb *iocb = create(KAIO_TRANSFER_EOF_OK);

	if (writing)
		kaio_prep_pwrite(iocb, fd, buffer, SIZE, 0);
	else
		kaio_prep_pread(iocb, fd, buffer, SIZE, 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	faults_script_submit(refused, 1);
	complete_with(moved);
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
			 result < 0 ? result : 0);
	ck_assert_int_eq(kaio_transfer_result(transfer, 0), result);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), moved);
	end();
}

static void refuse_rest(int flags, size_t size, int64_t moved, bool writing,
			int64_t result)
{
	int fd = fixture_file(flags, size);

	if (fd < 0)
		return;
	refuse_rest_of(fd, moved, writing, result);
	close(fd);
}

START_TEST(einval_is_the_end_of_file_with_o_direct_where_that_can_be)
{
	const int direct = O_RDWR | O_DIRECT;

	refuse_rest(direct, 4 * SIZE, 4096, false, -EINVAL);
	refuse_rest(direct, 4 * SIZE, 4096 + 512, false, -EINVAL);
	refuse_rest(direct, 4 * SIZE, 4096 + 511, false, 4096 + 511);
	refuse_rest(direct, 8192, 8192, false, 8192);
	refuse_rest(direct, 8192, 4096, false, -EINVAL);
	refuse_rest(direct, 8192, 8191, true, -EINVAL);
	refuse_rest(O_RDWR, 4 * SIZE, 4096 + 511, false, -EINVAL);
	refuse_rest(O_RDWR, 8192, 8192, false, -EINVAL);
}
END_TEST

START_TEST(einval_on_a_block_device_is_no_end_of_file_on_a_sector)
{
	if (!disk_attach(512))
		SKIP("%s", disk_reason);
	refuse_rest_of(disk_fd, 4096, false, -EINVAL);
	refuse_rest_of(disk_fd, 511, false, 511);
}
END_TEST

START_TEST(einval_is_passed_on_where_the_file_cannot_be_stated)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, 8192);

	if (fd < 0)
		SKIP("the directory's file system does not take O_DIRECT");
	refuse_rest_of(fd, 8192, false, 8192);
	if (!policy_refuse_stat(EIO))
		SKIP("there are no seccomp filters, or no fork");
	refuse_rest_of(fd, 8192, false, -EINVAL);
}
END_TEST

static int fd_to_close;

static int close_at_submit(long number, long *arguments)
{
	(void)arguments;
	if (number == SYS_io_submit && fd_to_close >= 0) {
		close(fd_to_close);
		fd_to_close = -1;
	}
	return 0;
}

START_TEST(einval_is_passed_on_where_the_file_was_closed)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, (size_t)4 * SIZE);

	if (fd < 0)
		SKIP("the directory's file system does not take O_DIRECT");
	refuse_rest_of(fd, 511, false, 511);
	kaio_prep_pread(create(0), fd, fixture_buffer(SIZE), SIZE, 0);
	ck_assert_ok(kaio_transfer_post(transfer));
	fd_to_close = fd;
	faults_script_submit(&(const int){ -EINVAL }, 1);
	faults_before_call(close_at_submit);
	complete_with(511);
	ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER), -EINVAL);
	faults_before_call(NULL);
	ck_assert_int_eq(kaio_transfer_bytes(transfer), 511);
	end();
}
END_TEST

START_TEST(the_end_of_file_is_no_error_of_a_cancelled_operation)
{
	const int refused[] = { -EINVAL };
	int fd = fixture_file(O_RDWR | O_DIRECT, (size_t)4 * SIZE);
	struct kaio_iocb *iocb = create(0);

	if (fd >= 0) {
		kaio_prep_pread(iocb, fd, fixture_buffer(SIZE), SIZE, 0);
		ck_assert_ok(kaio_transfer_post(transfer));
		faults_script_submit(refused, 1);
		complete_with(511);
		ck_assert_int_eq(kaio_queue_submit(queue), 0);
		ck_assert_ok(kaio_transfer_cancel(transfer));
		ck_assert_int_eq(kaio_transfer_wait(transfer, KAIO_FOREVER),
				 -ECANCELED);
		close(fd);
	}
	end();
}
END_TEST

Suite *suite_transfer_einval(void)
{
	const TTest *tests[] = {
		einval_is_the_end_of_file_with_o_direct_where_that_can_be,
		einval_on_a_block_device_is_no_end_of_file_on_a_sector,
		einval_is_passed_on_where_the_file_cannot_be_stated,
		einval_is_passed_on_where_the_file_was_closed,
		the_end_of_file_is_no_error_of_a_cancelled_operation,
	};

	return harness_both_ways("transfer: einval", tests, COUNT(tests));
}
