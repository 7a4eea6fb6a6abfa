/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The prep layer: the kernel does what is prepared. */
#include "calls.h"
#include "suites.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

START_TEST(what_pwrite_wrote_pread_reads)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	char buf[8] = "";
	int fd = new_file();

	kaio_prep_pwrite(&iocb, fd, "prepared", 8, 3);
	ck_assert_int_eq(complete(ctx, &iocb).res, 8);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 11);
	kaio_prep_pread(&iocb, fd, buf, 8, 3);
	ck_assert_int_eq(complete(ctx, &iocb).res, 8);
	ck_assert_mem_eq(buf, "prepared", 8);
}
END_TEST

START_TEST(what_pwritev_gathered_preadv_scatters)
{
	char one[] = "one";
	char two[] = "and two";
	char left[5];
	char right[5];
	const struct iovec out[] = { { one, 3 }, { two, 7 } };
	const struct iovec in[] = { { left, 5 }, { right, 5 } };
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int fd = new_file();

	kaio_prep_pwritev(&iocb, fd, out, 2, 4096);
	ck_assert_int_eq(complete(ctx, &iocb).res, 10);
	kaio_prep_preadv(&iocb, fd, in, 2, 4096);
	ck_assert_int_eq(complete(ctx, &iocb).res, 10);
	ck_assert_mem_eq(left, "onean", 5);
	ck_assert_mem_eq(right, "d two", 5);
}
END_TEST

START_TEST(fsync_and_fdsync_succeed_on_a_file)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	int fd = new_file();

	ck_assert_int_eq(write(fd, "x", 1), 1);
	kaio_prep_fdsync(&iocb, fd);
	ck_assert_int_eq(complete(ctx, &iocb).res, 0);
	kaio_prep_fsync(&iocb, fd);
	ck_assert_int_eq(complete(ctx, &iocb).res, 0);
}
END_TEST

START_TEST(a_poll_waits_for_what_it_was_asked)
{
	static const uint64_t one = 1;
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;
	int fd = eventfd(0, 0);

	kaio_prep_poll(&iocb, fd, POLLIN);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	ck_assert_call(kaio_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_int_eq(event.res, POLLIN);
}
END_TEST

START_TEST(data_goes_through_the_kernel_unchanged)
{
	static const uint64_t numbers[] = { 0, 1, UINT64_MAX,
					    0x0123456789abcdef };
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;
	int fd = open("/dev/zero", O_RDONLY);
	size_t i;

	kaio_prep_poll(&iocb, fd, POLLIN);
	for (i = 0; i < COUNT(numbers); i++) {
		kaio_iocb_set_data64(&iocb, numbers[i]);
		event = complete(ctx, &iocb);
		ck_assert_uint_eq(event.data, numbers[i]);
	}
	kaio_iocb_set_data(&iocb, &fd);
	event = complete(ctx, &iocb);
	ck_assert_ptr_eq(kaio_event_data(&event), &fd);
	ck_assert_ptr_eq(kaio_event_iocb(&event), &iocb);
}
END_TEST

/* Members that one operation sets and the next must not have. */
START_TEST(an_iocb_can_be_used_again_as_anything)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_iocb iocb;
	char byte = 'x';
	int fd = new_file();

	kaio_prep_pwrite(&iocb, fd, &byte, 1, 4096);
	kaio_iocb_set_rw_flags(&iocb, KAIO_RWF_DSYNC);
	kaio_iocb_set_ioprio(&iocb, KAIO_IOPRIO(KAIO_IOPRIO_CLASS_BE, 7));
	kaio_iocb_set_eventfd(&iocb, eventfd(0, 0));
	ck_assert_int_eq(complete(ctx, &iocb).res, 1);
	kaio_prep_fsync(&iocb, fd);
	ck_assert_int_eq(complete(ctx, &iocb).res, 0);
	kaio_prep_poll(&iocb, fd, POLLIN);
	ck_assert_int_eq(complete(ctx, &iocb).res, POLLIN);
	kaio_prep_pread(&iocb, fd, &byte, 1, 0);
	ck_assert_int_eq(complete(ctx, &iocb).res, 1);
	ck_assert_int_eq(byte, 0);
}
END_TEST

Suite *suite_prep_kernel(void)
{
	const TTest *tests[] = {
		what_pwrite_wrote_pread_reads,
		what_pwritev_gathered_preadv_scatters,
		fsync_and_fdsync_succeed_on_a_file,
		a_poll_waits_for_what_it_was_asked,
		data_goes_through_the_kernel_unchanged,
		an_iocb_can_be_used_again_as_anything,
	};

	return harness_suite("prep-kernel", tests, COUNT(tests));
}
