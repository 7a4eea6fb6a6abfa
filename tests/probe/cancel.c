/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The probe layer in a thread that is cancelled: no call is a cancellation
 * point, where it would leave open what it has opened.
 */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "left.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>

static int file = -1;

static int probe_system(void)
{
	struct kaio_probe probe;

	return kaio_probe_system(&probe);
}

static int get_limits(void)
{
	struct kaio_limits limits;

	return kaio_get_limits(&limits);
}

/* Without statx it looks into sysfs. */
static int get_file_info(void)
{
	struct kaio_file_info info;

	faults_fail(SYS_statx, ENOSYS, 1);
	return kaio_get_file_info(file, &info);
}

struct call {
	int (*function)(void);
	bool returned;
	int ret;
};

/* The first cancellation point from here ends the thread. */
static void *call_cancelled(void *argument)
{
	struct call *call = argument;

	faults_reset();
	pthread_cancel(pthread_self());
	call->ret = call->function();
	call->returned = true;
	pthread_testcancel();
	return NULL;
}

static void returns_and_leaves_nothing(int (*function)(void))
{
	struct call call = { .function = function };
	int contexts = left_contexts();
	int fd = left_first_fd();
	pthread_t thread;
	void *result;

	ck_assert_ok(pthread_create(&thread, NULL, call_cancelled, &call));
	ck_assert_ok(pthread_join(thread, &result));
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	ck_assert(call.returned);
	ck_assert_ok(call.ret);
	ck_assert_int_eq(left_first_fd(), fd);
	ck_assert_int_eq(left_contexts(), contexts);
}

START_TEST(kaio_probe_system_is_no_cancellation_point)
{
	returns_and_leaves_nothing(probe_system);
}
END_TEST

START_TEST(kaio_get_limits_is_no_cancellation_point)
{
	returns_and_leaves_nothing(get_limits);
}
END_TEST

START_TEST(kaio_get_file_info_is_no_cancellation_point)
{
	file = fixture_file(O_RDWR, 4096);
	returns_and_leaves_nothing(get_file_info);
}
END_TEST

Suite *suite_probe_cancel(void)
{
	const TTest *tests[] = {
		kaio_probe_system_is_no_cancellation_point,
		kaio_get_limits_is_no_cancellation_point,
		kaio_get_file_info_is_no_cancellation_point,
	};

	return harness_suite("cancellation", tests, COUNT(tests));
}
