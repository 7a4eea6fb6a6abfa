/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The probe layer and the queue where a policy forbids system calls. */
#include "fixture.h"
#include "harness.h"
#include "policy.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REFUSE(call, error)                                               \
	do {                                                              \
		if (!policy_refuse(SYS_##call, error))                    \
			SKIP("there are no seccomp filters, or no fork"); \
	} while (0)

/*
 * A test for each of the two errors that policies return. The function's name
 * ends as those of tests do, for SKIP.
 */
#define WITH_EITHER_ANSWER(name)       \
	START_TEST(name##_with_eperm)  \
	{                              \
		name##_fn(EPERM);      \
	}                              \
	END_TEST                       \
	START_TEST(name##_with_enosys) \
	{                              \
		name##_fn(ENOSYS);     \
	}                              \
	END_TEST

/* Ten operations through a queue that sleeps for each of them. */
static void use_a_queue(void)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_queue_stats stats;
	struct kaio_event event;
	struct kaio_iocb iocb;
	int fd = fixture_file(O_RDONLY, 4096);
	char *buffer = fixture_buffer(4096);
	int i;

	for (i = 0; i < 10; i++) {
		kaio_prep_pread(&iocb, fd, buffer, 4096, 0);
		if (i % 2)
			kaio_prep_fsync(&iocb, fd);
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
		ck_assert_int_eq(event.res, i % 2 ? 0 : 4096);
	}
	fixture_check(buffer, 4096, 0);
	/* It remembers which one works after the first refusal. */
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_le(stats.getevents_calls, 11);
	ck_assert_ok(kaio_queue_destroy(queue));
}

static void
without_io_setup_there_is_no_aio_and_it_says_who_refuses_fn(int error)
{
	struct kaio_queue *queue;
	struct kaio_probe probe;
	kaio_context_t ctx = 0;

	REFUSE(io_setup, error);
	ck_assert_int_eq(kaio_probe_system(&probe), -ENOSYS);
	ck_assert_int_eq(probe.setup, -error);
	ck_assert_int_eq(probe.submit, 0);
	ck_assert_int_eq(probe.getevents, 0);
	ck_assert_uint_eq(probe.opcodes, 0);
	ck_assert_int_eq(kaio_setup(1, &ctx), -error);
	ck_assert_int_eq(kaio_queue_create(&queue, 1, NULL), -error);
	ck_assert_ptr_nonnull(
		strstr(kaio_explain(KAIO_CALL_SETUP, probe.setup), "io_setup"));
	ck_assert_ptr_nonnull(strstr(
		kaio_explain(KAIO_CALL_QUEUE_CREATE, -error), "io_setup"));
}
WITH_EITHER_ANSWER(without_io_setup_there_is_no_aio_and_it_says_who_refuses)

static void without_io_submit_there_is_no_aio_fn(int error)
{
	struct kaio_probe probe;

	REFUSE(io_submit, error);
	ck_assert_int_eq(kaio_probe_system(&probe), -ENOSYS);
	ck_assert_int_eq(probe.setup, 0);
	ck_assert_int_eq(probe.submit, -error);
}
WITH_EITHER_ANSWER(without_io_submit_there_is_no_aio)

START_TEST(without_io_destroy_no_context_is_made)
{
	struct kaio_probe probe;

	REFUSE(io_destroy, EPERM);
	ck_assert_int_eq(kaio_probe_system(&probe), -ENOSYS);
	ck_assert_int_eq(probe.destroy, -EPERM);
	ck_assert_uint_eq(probe.opcodes, 0);
}
END_TEST

static void without_io_pgetevents_all_else_works_fn(int error)
{
	struct kaio_probe probe;

	REFUSE(io_pgetevents, error);
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_int_eq(probe.pgetevents, -error);
	ck_assert_int_eq(probe.getevents, 0);
	ck_assert_ptr_nonnull(
		strstr(kaio_explain(KAIO_CALL_PGETEVENTS, probe.pgetevents),
		       "use kaio_getevents"));
	use_a_queue();
}
WITH_EITHER_ANSWER(without_io_pgetevents_all_else_works)

static void without_io_getevents_a_queue_sleeps_in_io_pgetevents_fn(int error)
{
	struct kaio_event event;
	struct kaio_probe probe;

	REFUSE(io_getevents, error);
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_int_eq(probe.getevents, -error);
	ck_assert_int_eq(probe.pgetevents, 0);
	ck_assert_int_eq(kaio_getevents(0, 0, 1, &event, NULL), -error);
	ck_assert_ptr_nonnull(strstr(kaio_explain(KAIO_CALL_GETEVENTS, -EPERM),
				     "kaio_pgetevents"));
	use_a_queue();
}
WITH_EITHER_ANSWER(without_io_getevents_a_queue_sleeps_in_io_pgetevents)

static void
without_either_a_queue_collects_from_the_ring_and_does_not_sleep_fn(int error)
{
	struct kaio_queue *queue;
	struct kaio_event event;
	struct kaio_probe probe;
	struct kaio_iocb iocb;

	REFUSE(io_getevents, error);
	REFUSE(io_pgetevents, EPERM);
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_int_eq(probe.getevents, -error);
	ck_assert_int_eq(probe.pgetevents, -EPERM);
	ck_assert_int_eq(probe.ring, 0);
	queue = fixture_queue(1, 0);
	fixture_good(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	ck_assert_int_eq(kaio_queue_reap(queue, &event, 1),
			 harness_has_ring() ? 1 : -error);
	if (harness_has_ring()) {
		fixture_endless(&iocb);
		ck_assert_ok(kaio_queue_push(queue, &iocb));
		ck_assert_int_eq(
			kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER),
			-error);
	}
	ck_assert_ptr_nonnull(strstr(kaio_explain(KAIO_CALL_QUEUE_WAIT, -error),
				     "io_pgetevents"));
	ck_assert_ok(kaio_queue_destroy(queue));
}
WITH_EITHER_ANSWER(
	without_either_a_queue_collects_from_the_ring_and_does_not_sleep)

static void without_io_cancel_polls_run_on_fn(int error)
{
	struct kaio_queue *queue = fixture_queue(1, 0);
	struct kaio_probe probe;
	struct kaio_iocb iocb;

	REFUSE(io_cancel, error);
	ck_assert_ok(kaio_probe_system(&probe));
	ck_assert_int_eq(probe.cancel, -error);
	ck_assert(probe.opcodes & 1u << KAIO_OP_POLL);
	fixture_endless(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
	ck_assert_int_eq(kaio_queue_cancel(queue, &iocb), -EBUSY);
	ck_assert_ok(kaio_queue_destroy(queue));
}
WITH_EITHER_ANSWER(without_io_cancel_polls_run_on)

START_TEST(without_a_memfd_the_probe_finds_the_same)
{
	struct kaio_probe with;
	struct kaio_probe without;

	ck_assert_ok(kaio_probe_system(&with));
	REFUSE(memfd_create, EPERM);
	ck_assert_ok(kaio_probe_system(&without));
	ck_assert_mem_eq(&with, &without, sizeof(with));
}
END_TEST

Suite *suite_probe_seccomp(void)
{
	const TTest *tests[] = {
		without_io_setup_there_is_no_aio_and_it_says_who_refuses_with_eperm,
		without_io_setup_there_is_no_aio_and_it_says_who_refuses_with_enosys,
		without_io_submit_there_is_no_aio_with_eperm,
		without_io_submit_there_is_no_aio_with_enosys,
		without_io_destroy_no_context_is_made,
		without_io_pgetevents_all_else_works_with_eperm,
		without_io_pgetevents_all_else_works_with_enosys,
		without_io_getevents_a_queue_sleeps_in_io_pgetevents_with_eperm,
		without_io_getevents_a_queue_sleeps_in_io_pgetevents_with_enosys,
		without_either_a_queue_collects_from_the_ring_and_does_not_sleep_with_eperm,
		without_either_a_queue_collects_from_the_ring_and_does_not_sleep_with_enosys,
		without_io_cancel_polls_run_on_with_eperm,
		without_io_cancel_polls_run_on_with_enosys,
		without_a_memfd_the_probe_finds_the_same,
	};

	return harness_both_ways("policies", tests, COUNT(tests));
}
