/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Programs under whole policies, of those that containers and phones have, and
 * under one that kills for every call that kaio(7) does not list.
 */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR 8
#define SIZE 4096

/* The call's action; all others have that of the policy. */
struct rule {
	long number;
	uint32_t action;
};

static bool enforce(const struct rule *rules, unsigned nr, uint32_t others)
{
	struct sock_filter filter[128] = { BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)) };
	struct sock_fprog program = { (unsigned short)(2 + 2 * nr), filter };
	unsigned i;

	for (i = 0; i < nr; i++) {
		filter[1 + 2 * i] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rules[i].number, 0,
			1);
		filter[2 + 2 * i] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, rules[i].action);
	}
	filter[1 + 2 * nr] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, others);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Opened before the policy: a program's own calls are its own affair. */
static int file = -1;
static int event = -1, idle = -1;
static char *buffer;
static unsigned called;

static void open_files(void)
{
	file = fixture_file(O_RDWR, (size_t)NR * SIZE);
	event = eventfd(0, EFD_CLOEXEC);
	idle = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(idle, 0);
	buffer = fixture_buffer((size_t)NR * SIZE);
}

/*
 * The children assert nothing, for Check makes system calls of its own: they
 * end with the line that failed.
 */
#define MUST(condition)                  \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

static void count(struct kaio_op *op, int64_t res)
{
	(void)op;
	called += res != -EINPROGRESS;
}

/* An error that is the queue's to report, and to signal to an eventfd. */
static int refuse_one(struct kaio_queue *queue, bool has_eventfd)
{
	struct kaio_op bad = { .complete = count };

	kaio_prep_pread(&bad.iocb, -1, buffer, 1, 0);
	if (!has_eventfd)
		kaio_iocb_set_eventfd(&bad.iocb, event);
	MUST(kaio_queue_push(queue, &bad.iocb) == 0);
	MUST(kaio_queue_run(queue, 1, KAIO_FOREVER) == 1);
	return 0;
}

static int poll_and_cancel(struct kaio_queue *queue)
{
	struct kaio_op poll = { .complete = count };
	struct kaio_op fsync = { .complete = count };

	kaio_prep_fsync(&fsync.iocb, file);
	kaio_prep_poll(&poll.iocb, idle, POLLIN);
	MUST(kaio_queue_push(queue, &poll.iocb) == 0);
	MUST(kaio_queue_submit(queue) == 1);
	MUST(kaio_queue_wait(queue, NULL, 0, 0, 0) == 0);
	MUST(kaio_queue_run(queue, 1, 1000) == 0);
	MUST(kaio_queue_push(queue, &fsync.iocb) == 0);
	MUST(kaio_queue_cancel(queue, &poll.iocb) == 0);
	called = 0;
	while (called < 2)
		MUST(kaio_queue_run(queue, 1, KAIO_FOREVER) > 0);
	MUST(kaio_queue_drain(queue, KAIO_FOREVER) == 0);
	return 0;
}

/* The file ends in the last read, which is therefore looked at. */
static int do_transfer(struct kaio_queue *queue)
{
	struct kaio_transfer *transfer;
	unsigned i;

	MUST(kaio_transfer_create(&transfer, queue, NR, NULL) == 0);
	for (i = 0; i < NR; i++)
		kaio_prep_pread(kaio_transfer_iocb(transfer, i), file,
				buffer + (size_t)i * SIZE, SIZE,
				(int64_t)i * SIZE + 8);
	MUST(kaio_transfer_post(transfer) == 0);
	MUST(kaio_transfer_wait(transfer, KAIO_FOREVER) == -ENODATA);
	MUST(kaio_transfer_bytes(transfer) == NR * SIZE - 8);
	MUST(kaio_transfer_post(transfer) == 0);
	MUST(kaio_transfer_cancel(transfer) == 0);
	MUST(kaio_transfer_release(transfer) == 0);
	return 0;
}

static int use(uint32_t flags, int64_t spin_ns)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = NR,
						  .spin_ns = spin_ns };
	struct kaio_queue *queue;
	struct kaio_event events[1];
	int ret;

	MUST(kaio_queue_create(&queue, 2, &params) == 0);
	ret = refuse_one(queue, flags & KAIO_QUEUE_EVENTFD);
	ret = ret ? ret : poll_and_cancel(queue);
	ret = ret ? ret : do_transfer(queue);
	if (flags & KAIO_QUEUE_WAKE) {
		MUST(kaio_queue_wake(queue) == 0);
		MUST(kaio_queue_wait(queue, events, 1, 1, KAIO_FOREVER) >= 0);
	}
	MUST(ret || kaio_queue_drain(queue, KAIO_FOREVER) == 0);
	/* It has nothing more to wait for, but the time. */
	MUST(kaio_queue_wait(queue, events, 0, 1, 0) >= 0);
	MUST(kaio_queue_destroy(queue) == 0);
	return ret;
}

static int use_all(void)
{
	static const uint32_t shared = KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE;
	int ret = use(0, 0);

	ret = ret ? ret : use(0, 1000);
	ret = ret ? ret : use(KAIO_QUEUE_NO_RING, 0);
	ret = ret ? ret : use(KAIO_QUEUE_EVENTFD, 0);
	ret = ret ? ret : use(shared, 0);
	return ret ? ret
		   : use(shared | KAIO_QUEUE_EVENTFD | KAIO_QUEUE_NO_RING, 0);
}

/* 0, the line that failed, or -signal; -1000 where there are no policies. */
static int under(const struct rule *rules, unsigned nr, uint32_t others,
		 int (*program)(void))
{
	int ends[2];
	int line = -1000;
	int status;
	pid_t child;

	ck_assert_ok(pipe2(ends, O_CLOEXEC));
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		if (enforce(rules, nr, others))
			line = program();
		/* write(2) is among the calls of the list. */
		if (write(ends[1], &line, sizeof(line)) < 0)
			syscall(SYS_exit_group, 1);
		syscall(SYS_exit_group, 0);
	}
	close(ends[1]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	ck_assert_int_eq(read(ends[0], &line, sizeof(line)), sizeof(line));
	close(ends[0]);
	return line;
}

#define ALLOW(call)                           \
	{                                     \
		SYS_##call, SECCOMP_RET_ALLOW \
	}

/* As kaio(7) lists them, and how a program ends. */
static const struct rule listed[] = {
	ALLOW(io_setup),
	ALLOW(io_destroy),
	ALLOW(io_submit),
	ALLOW(io_cancel),
#ifdef SYS_io_getevents
	ALLOW(io_getevents),
#else
	ALLOW(io_pgetevents),
#endif
#ifdef SYS_mmap2
	ALLOW(mmap2),
#else
	ALLOW(mmap),
#endif
	ALLOW(munmap),
	ALLOW(madvise),
	ALLOW(eventfd2),
	ALLOW(read),
	ALLOW(write),
	ALLOW(close),
	ALLOW(getpid),
#ifdef SYS_futex_time64
	ALLOW(futex_time64),
#endif
	ALLOW(futex),
	ALLOW(clock_gettime),
#ifdef SYS_clock_gettime64
	ALLOW(clock_gettime64),
#endif
#ifdef SYS_fcntl64
	ALLOW(fcntl64),
#endif
	ALLOW(fcntl),
	ALLOW(fstat),
#ifdef SYS_fstat64
	ALLOW(fstat64),
#endif
#ifdef SYS_statx
	ALLOW(statx),
#endif
#ifdef SYS_newfstatat
	ALLOW(newfstatat),
#endif
#ifdef SYS_poll
	ALLOW(poll),
#endif
	ALLOW(ppoll),
#ifdef SYS_ppoll_time64
	ALLOW(ppoll_time64),
#endif
	ALLOW(brk),
	ALLOW(exit_group),
};

START_TEST(a_program_survives_a_policy_that_kills_for_what_is_not_listed)
{
	int line;

	if (harness_is_under_valgrind() || getenv("CK_FORK"))
		SKIP("the test's process has calls of its own");
	open_files();
	line = under(listed, COUNT(listed), SECCOMP_RET_KILL_PROCESS, use_all);
	if (line == -1000)
		SKIP("there is no seccomp");
	ck_assert_int_eq(line, 0);
}
END_TEST

/* The policy does what the test above relies on; and it forbids the probe. */
static int get_time(void)
{
	return (int)syscall(SYS_getuid) * 0;
}

START_TEST(the_policy_kills_for_another_call)
{
	int line;

	if (harness_is_under_valgrind() || getenv("CK_FORK"))
		SKIP("the test's process has calls of its own");
	line = under(listed, COUNT(listed), SECCOMP_RET_KILL_PROCESS, get_time);
	if (line == -1000)
		SKIP("there is no seccomp");
	ck_assert_int_eq(line, -SIGSYS);
}
END_TEST

/* Of Docker's profile what differs from no policy at all. */
#define REFUSE(call)                                  \
	{                                             \
		SYS_##call, SECCOMP_RET_ERRNO | EPERM \
	}
static const struct rule like_docker[] = {
	REFUSE(io_uring_setup),
	REFUSE(io_uring_enter),
	REFUSE(io_uring_register),
	REFUSE(userfaultfd),
	REFUSE(unshare),
	REFUSE(mount),
	REFUSE(keyctl),
	REFUSE(perf_event_open),
	{ SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS },
};

static int probe_and_use_all(void)
{
	struct kaio_probe probe;

	MUST(kaio_probe_system(&probe) == 0);
	return use_all();
}

START_TEST(a_program_works_under_a_policy_like_dockers)
{
	int line;

	open_files();
	line = under(like_docker, COUNT(like_docker), SECCOMP_RET_ALLOW,
		     probe_and_use_all);
	if (line == -1000)
		SKIP("there is no seccomp");
	ck_assert_int_eq(line, 0);
}
END_TEST

static int is_refused(void)
{
	struct kaio_queue *queue;

	MUST(kaio_queue_create(&queue, 1, NULL) == -EPERM);
	return 0;
}

START_TEST(a_policy_like_dockers_without_aio_is_eperm)
{
	static const struct rule rules[] = {
		REFUSE(io_setup),  REFUSE(io_destroy),	  REFUSE(io_submit),
		REFUSE(io_cancel), REFUSE(io_pgetevents),
	};
	int line = under(rules, COUNT(rules), SECCOMP_RET_ALLOW, is_refused);

	if (line == -1000)
		SKIP("there is no seccomp");
	ck_assert_int_eq(line, 0);
}
END_TEST

/* Android's kills, in what concerns AIO, for these. */
#define KILL(call)                                   \
	{                                            \
		SYS_##call, SECCOMP_RET_KILL_PROCESS \
	}
static const struct rule like_android[] = {
	KILL(io_pgetevents),	 KILL(io_uring_setup), KILL(io_uring_enter),
	KILL(io_uring_register), KILL(swapon),	       KILL(init_module),
};

static int probe(void)
{
	struct kaio_probe probe;

	return kaio_probe_system(&probe);
}

START_TEST(a_program_survives_a_policy_like_androids_but_for_the_probe)
{
	int line;

#ifndef SYS_io_getevents
	SKIP("this architecture has no io_getevents");
#endif
	open_files();
	line = under(like_android, COUNT(like_android), SECCOMP_RET_ALLOW,
		     use_all);
	if (line == -1000)
		SKIP("there is no seccomp");
	ck_assert_int_eq(line, 0);
	line = under(like_android, COUNT(like_android), SECCOMP_RET_ALLOW,
		     probe);
	ck_assert_int_eq(line, -SIGSYS);
}
END_TEST

Suite *suite_world_policies(void)
{
	const TTest *tests[] = {
		a_program_survives_a_policy_that_kills_for_what_is_not_listed,
		the_policy_kills_for_another_call,
		a_program_works_under_a_policy_like_dockers,
		a_policy_like_dockers_without_aio_is_eperm,
		a_program_survives_a_policy_like_androids_but_for_the_probe,
	};

	return harness_both_ways("world: policies", tests, COUNT(tests));
}
