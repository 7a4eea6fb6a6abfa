/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: what each function returns. */
#include "fixture-libaio.h"
#include "policy.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static struct timespec none;

START_TEST(a_context_is_set_up_once_and_destroyed_once)
{
	io_context_t ctx = NULL;

	ck_assert_call(io_setup(1, &ctx), 0);
	ck_assert_ptr_nonnull(ctx);
	ck_assert_call(io_setup(1, &ctx), -EINVAL);
	ck_assert_call(io_destroy(ctx), 0);
	ck_assert_call(io_destroy(ctx), -EINVAL);
	ck_assert_call(io_destroy(NULL), -EINVAL);
}
END_TEST

START_TEST(setup_returns_the_errors_of_the_kernel)
{
	io_context_t ctx = NULL;

	ck_assert_call(io_setup(0, &ctx), -EINVAL);
	ck_assert_call(io_setup(-1, &ctx), -EINVAL);
	ck_assert_call(io_setup(1, (io_context_t *)8), -EFAULT);
	ck_assert_call(io_setup(1, NULL), -EFAULT);
	ck_assert_ptr_null(ctx);
	ctx = (io_context_t)1;
	ck_assert_call(io_setup(1, &ctx), -EINVAL);
	ck_assert_ptr_eq(ctx, (io_context_t)1);
}
END_TEST

START_TEST(setup_past_aio_max_nr_is_eagain)
{
	FILE *file = fopen("/proc/sys/fs/aio-max-nr", "r");
	io_context_t ctx = NULL;
	long max;

	if (!file)
		SKIP("there is no /proc/sys/fs/aio-max-nr");
	ck_assert_int_eq(fscanf(file, "%ld", &max), 1);
	fclose(file);
	/* More than this are EINVAL in any case. */
	if (max >= 4194304)
		SKIP("fs.aio-max-nr is %ld", max);
	ck_assert_call(io_setup((int)max + 1, &ctx), -EAGAIN);
	ck_assert_call(io_queue_init((int)max + 1, &ctx), -EAGAIN);
	ck_assert_ptr_null(ctx);
	ck_assert_call(io_setup(5000000, &ctx), -EINVAL);
}
END_TEST

START_TEST(without_aio_each_call_is_enosys)
{
	static const long numbers[] = { SYS_io_setup, SYS_io_submit,
					SYS_io_cancel, SYS_io_destroy };
	io_context_t ctx = libaio_context(1);
	io_context_t other = NULL;
	struct io_event event;
	struct iocb iocb;
	size_t i;

	for (i = 0; i < COUNT(numbers); i++)
		if (!policy_refuse(numbers[i], ENOSYS))
			SKIP("seccomp filters are not available");
	ck_assert_call(io_setup(1, &other), -ENOSYS);
	ck_assert_call(io_queue_init(1, &other), -ENOSYS);
	ck_assert_call(io_submit(ctx, 0, NULL), -ENOSYS);
	ck_assert_call(io_cancel(ctx, &iocb, &event), -ENOSYS);
	ck_assert_call(io_destroy(ctx), -ENOSYS);
	ck_assert_call(io_queue_release(ctx), -ENOSYS);
}
END_TEST

START_TEST(queue_init_sets_the_handle_itself)
{
	io_context_t ctx = (io_context_t)1;

	ck_assert_call(io_queue_init(0, &ctx), -EINVAL);
	ck_assert_call(io_queue_init(-1, &ctx), -EINVAL);
	ck_assert_ptr_eq(ctx, (io_context_t)1);
	ck_assert_call(io_queue_init(1, &ctx), 0);
	ck_assert_call(io_submit(ctx, 0, NULL), 0);
	ck_assert_call(io_queue_release(ctx), 0);
	ck_assert_call(io_queue_release(ctx), -EINVAL);
}
END_TEST

START_TEST(submit_returns_the_count_of_the_kernel)
{
	io_context_t ctx = libaio_context(8);
	struct iocb good, bad;
	struct iocb *list[] = { &good, &bad, &good };
	struct io_event events[3];

	libaio_good(&good, 1);
	libaio_good(&bad, 2);
	bad.aio_fildes = -1;
	ck_assert_call(io_submit(ctx, 3, list), 1);
	ck_assert_call(io_submit(ctx, 2, list + 1), -EBADF);
	ck_assert_call(io_submit(ctx, 1, list + 2), 1);
	ck_assert_call(io_getevents(ctx, 2, 3, events, NULL), 2);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(submit_returns_the_errors_of_the_kernel)
{
	io_context_t ctx = libaio_context(1);
	struct iocb *list[] = { NULL };
	struct iocb iocb;

	ck_assert_call(io_submit(ctx, 0, NULL), 0);
	ck_assert_call(io_submit(ctx, -1, list), -EINVAL);
	ck_assert_call(io_submit(ctx, 1, NULL), -EFAULT);
	ck_assert_call(io_submit(ctx, 1, list), -EFAULT);
	list[0] = &iocb;
	libaio_good(&iocb, 0);
	iocb.aio_lio_opcode = IO_CMD_NOOP;
	ck_assert_call(io_submit(ctx, 1, list), -EINVAL);
	libaio_good(&iocb, 0);
	iocb.aio_rw_flags = -1;
	ck_assert_call(io_submit(ctx, 1, list), -EOPNOTSUPP);
	libaio_good(&iocb, 0);
	io_set_eventfd(&iocb, iocb.aio_fildes);
	ck_assert_call(io_submit(ctx, 1, list), -EINVAL);
	ck_assert_call(io_submit(NULL, 0, NULL), -EINVAL);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_full_context_is_eagain_until_it_is_reaped)
{
	io_context_t ctx = libaio_context(1);
	struct tally tally;
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	size_t taken = 0;
	int ret;

	stay_on_this_cpu();
	do {
		libaio_good(&iocb, taken);
		ret = CALL(io_submit(ctx, 1, list));
		taken += ret == 1;
	} while (ret == 1);
	ck_assert_int_eq(ret, -EAGAIN);
	ck_assert_uint_ge(taken, 1);
	tally_begin(&tally, taken + 1);
	while (tally_total(&tally) < taken) {
		struct io_event events[7];

		ret = CALL(io_getevents(ctx, 1, 7, events, NULL));
		ck_assert_int_ge(ret, 1);
		tally_add(&tally, events, ret);
	}
	libaio_submit_good(ctx, taken, 1);
	while (tally_total(&tally) <= taken) {
		struct io_event event;

		ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), 1);
		tally_add(&tally, &event, 1);
	}
	tally_end(&tally);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_cancelled_poll_has_an_event)
{
	io_context_t ctx = libaio_context(2);
	struct iocb poll, other;
	struct iocb *list[] = { &poll };
	struct io_event event;

	libaio_endless(&poll, 7);
	libaio_endless(&other, 8);
	ck_assert_call(io_submit(ctx, 1, list), 1);
	ck_assert_call(io_cancel(ctx, &other, &event), -EINVAL);
	ck_assert_call(io_cancel(NULL, &poll, &event), -EINVAL);
	ck_assert_call(io_cancel(ctx, NULL, &event), -EFAULT);
	ck_assert_call(io_cancel(ctx, &poll, &event), -EINPROGRESS);
	ck_assert_int_eq(libaio_result(ctx, &poll), 0);
	ck_assert_call(io_cancel(ctx, &poll, &event), -EINVAL);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(events_come_in_order_with_their_data)
{
	io_context_t ctx = libaio_context(64);
	struct iocb iocbs[10];
	struct io_event events[11];
	size_t round, i;

	/* Enough for the ring to wrap, each time at another index. */
	for (round = 0; round < 200; round++) {
		for (i = 0; i < COUNT(iocbs); i++) {
			struct iocb *list[] = { &iocbs[i] };

			libaio_good(&iocbs[i], round * 100 + i);
			ck_assert_call(io_submit(ctx, 1, list), 1);
		}
		memset(events, 0x55, sizeof(events));
		ck_assert_call(io_getevents(ctx, 1, 3, events, NULL), 3);
		ck_assert_int_eq((long)events[3].res, (long)events[10].res);
		ck_assert_call(io_getevents(ctx, 0, 8, events + 3, &none), 7);
		for (i = 0; i < COUNT(iocbs); i++) {
			ck_assert_ptr_eq(events[i].obj, &iocbs[i]);
			ck_assert_ptr_eq(events[i].data, iocbs[i].data);
			ck_assert_int_eq((long)events[i].res, 1);
			ck_assert_int_eq((long)events[i].res2, 0);
		}
		ck_assert_call(io_getevents(ctx, 0, 1, events, &none), 0);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(what_is_in_the_ring_takes_no_system_call)
{
	io_context_t ctx = libaio_context(4);
	int expected = harness_has_ring() ? 1 : -EPERM;
	struct timespec second = { 1, 0 };
	struct io_event event;

	if (libaio_is_foreign())
		SKIP("only the drop-in does that");
	libaio_submit_good(ctx, 0, 4);
	if (!policy_refuse(SYS_io_pgetevents, EPERM))
		SKIP("seccomp filters are not available");
#ifdef SYS_io_getevents
	ck_assert(policy_refuse(SYS_io_getevents, EPERM));
#endif
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), expected);
	ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), expected);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &second), expected);
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, NULL, NULL), expected);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &second), -EPERM);
}
END_TEST

START_TEST(io_poll_waits_for_a_descriptor)
{
	io_context_t ctx = libaio_context(1);
	const uint64_t one = 1;
	struct iocb iocb;
	struct io_event event;
	int fd = libaio_endless(&iocb, 0);

	ck_assert_call(io_poll(ctx, &iocb, NULL, fd, POLLIN | POLLPRI), 1);
	ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), 0);
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	ck_assert_int_eq(libaio_result(ctx, &iocb), POLLIN);
	ck_assert_call(io_poll(ctx, &iocb, NULL, -1, POLLIN), -EBADF);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

Suite *suite_libaio(void)
{
	const TTest *tests[] = {
		a_context_is_set_up_once_and_destroyed_once,
		setup_returns_the_errors_of_the_kernel,
		setup_past_aio_max_nr_is_eagain,
		without_aio_each_call_is_enosys,
		queue_init_sets_the_handle_itself,
		submit_returns_the_count_of_the_kernel,
		submit_returns_the_errors_of_the_kernel,
		a_full_context_is_eagain_until_it_is_reaped,
		a_cancelled_poll_has_an_event,
		events_come_in_order_with_their_data,
		what_is_in_the_ring_takes_no_system_call,
		io_poll_waits_for_a_descriptor,
	};

	return libaio_suite("libaio", tests, COUNT(tests));
}
