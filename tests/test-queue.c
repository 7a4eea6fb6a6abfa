/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue layer: creating it, and what each call takes and refuses. */
#include "harness.h"

#include <kaio.h>

#include <errno.h>
#include <fcntl.h>

START_TEST(one_read_of_dev_zero_comes_back)
	{
		struct kaio_queue *queue;
		struct kaio_iocb iocb;
		struct kaio_event event;
		char buf[16] = "x";
		int fd = open("/dev/zero", O_RDONLY);

		ck_assert_ok(kaio_queue_create(&queue, 1, NULL));
		kaio_prep_pread(&iocb, fd, buf, sizeof(buf), 0);
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
		ck_assert_int_eq(event.res, sizeof(buf));
		ck_assert_ptr_eq(kaio_event_iocb(&event), &iocb);
		ck_assert_int_eq(buf[0], 0);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		one_read_of_dev_zero_comes_back,
	};

	return harness_run_both_ways("queue", tests, COUNT(tests));
}
