/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The ABI layer: what each call does on the kernel that runs the tests. */
#include "calls.h"
#include "suites.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#define MANY 4096

static const struct timespec now;

START_TEST(the_version_is_that_of_the_header)
{
	char version[32];

	snprintf(version, sizeof(version), "%d.%d.%d", KAIO_VERSION_MAJOR,
		 KAIO_VERSION_MINOR, KAIO_VERSION_PATCH);
	ck_assert_str_eq(KAIO_VERSION, version);
	ck_assert_str_eq(kaio_version(), version);
}
END_TEST

START_TEST(a_context_lives_from_setup_to_destroy)
{
	kaio_context_t ctx = new_context(1);
	kaio_context_t other = new_context(1);

	ck_assert(ctx != other);
	ck_assert_call(kaio_submit(ctx, 0, NULL), 0);
	ck_assert_call(kaio_destroy(ctx), 0);
	ck_assert_call(kaio_submit(ctx, 0, NULL), -EINVAL);
	ck_assert_call(kaio_submit(other, 0, NULL), 0);
	ck_assert_call(kaio_destroy(other), 0);
}
END_TEST

START_TEST(no_call_takes_a_destroyed_context)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;

	kaio_prep_poll(&iocb, 0, POLLIN);
	ck_assert_call(kaio_destroy(ctx), 0);
	ck_assert_call(kaio_destroy(ctx), -EINVAL);
	ck_assert_int_eq(submit(ctx, &iocb), -EINVAL);
	ck_assert_call(kaio_cancel(ctx, &iocb, &event), -EINVAL);
	ck_assert_call(kaio_getevents(ctx, 1, 1, &event, NULL), -EINVAL);
	ck_assert_call(kaio_pgetevents(ctx, 1, 1, &event, NULL, NULL), -EINVAL);
}
END_TEST

START_TEST(submit_counts_to_the_bad_one_whose_error_shows_next)
{
	kaio_context_t ctx = new_context(8);
	struct kaio_event events[4];
	struct kaio_iocb iocbs[3];
	struct kaio_iocb *list[3] = { iocbs, iocbs + 1, iocbs + 2 };
	char buf[2];
	int fd = open("/dev/zero", O_RDONLY);

	kaio_prep_pread(&iocbs[0], fd, &buf[0], 1, 0);
	kaio_prep_pread(&iocbs[1], -1, &buf[0], 1, 0);
	kaio_prep_pread(&iocbs[2], fd, &buf[1], 1, 0);
	ck_assert_call(kaio_submit(ctx, 3, list), 1);
	ck_assert_call(kaio_submit(ctx, 2, list + 1), -EBADF);
	ck_assert_call(kaio_submit(ctx, 1, list + 2), 1);
	ck_assert_call(kaio_getevents(ctx, 2, 4, events, &now), 2);
	ck_assert_ptr_eq(kaio_event_iocb(&events[0]), &iocbs[0]);
	ck_assert_ptr_eq(kaio_event_iocb(&events[1]), &iocbs[2]);
	ck_assert_call(kaio_destroy(ctx), 0);
}
END_TEST

START_TEST(a_full_context_takes_more_after_a_reap)
{
	static struct kaio_event events[MANY];
	static struct kaio_iocb *list[MANY];
	kaio_context_t ctx = new_context(8);
	struct kaio_iocb iocb;
	char byte;
	int taken;
	int i;

	stay_on_this_cpu();
	kaio_prep_pread(&iocb, open("/dev/zero", O_RDONLY), &byte, 1, 0);
	for (i = 0; i < MANY; i++)
		list[i] = &iocb;
	taken = CALL(kaio_submit(ctx, MANY, list));
	ck_assert_int_ge(taken, 8);
	ck_assert_int_lt(taken, MANY);
	ck_assert_call(kaio_submit(ctx, 1, list), -EAGAIN);
	ck_assert_call(kaio_getevents(ctx, 3, 3, events, NULL), 3);
	ck_assert_call(kaio_submit(ctx, MANY, list), 3);
	ck_assert_call(kaio_submit(ctx, 1, list), -EAGAIN);
	ck_assert_call(kaio_getevents(ctx, 1, MANY, events, NULL), taken);
	ck_assert_call(kaio_getevents(ctx, 0, MANY, events, NULL), 0);
	ck_assert_call(kaio_destroy(ctx), 0);
}
END_TEST

START_TEST(a_cancelled_poll_completes_with_0)
{
	kaio_context_t ctx = new_context(1);
	struct kaio_event event;
	struct kaio_iocb iocb;
	int fd = eventfd(0, 0);

	kaio_prep_poll(&iocb, fd, POLLIN);
	kaio_iocb_set_data64(&iocb, 42);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_call(kaio_getevents(ctx, 0, 1, &event, &now), 0);
	ck_assert_call(kaio_cancel(ctx, &iocb, NULL), -EINPROGRESS);
	ck_assert_call(kaio_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_ptr_eq(kaio_event_iocb(&event), &iocb);
	ck_assert_uint_eq(event.data, 42);
	ck_assert_int_eq(event.res, 0);
	ck_assert_call(kaio_cancel(ctx, &iocb, &event), -EINVAL);
	ck_assert_call(kaio_destroy(ctx), 0);
}
END_TEST

Suite *suite_abi(void)
{
	const TTest *tests[] = {
		the_version_is_that_of_the_header,
		a_context_lives_from_setup_to_destroy,
		no_call_takes_a_destroyed_context,
		submit_counts_to_the_bad_one_whose_error_shows_next,
		a_full_context_takes_more_after_a_reap,
		a_cancelled_poll_completes_with_0,
	};

	return harness_suite("abi", tests, COUNT(tests));
}
