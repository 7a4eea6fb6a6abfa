/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Programs under whole policies, of those that containers and phones have, and
 * under one that kills for every call that kaio(7) does not list.
 */
#include "harness.h"
#include "program.h"
#include "sanitizers.h"
#include "suites.h"

#include <kaio.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HAS_CALLS_OF_OTHERS                                 \
	(WITH_ADDRESS_SANITIZER || WITH_THREAD_SANITIZER || \
	 harness_is_under_valgrind())

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

	if (HAS_CALLS_OF_OTHERS)
		SKIP("the process makes calls that are not the library's");
	program_open_files();
	line = under(listed, COUNT(listed), SECCOMP_RET_KILL_PROCESS,
		     program_use_all);
	if (line == -1000)
		SKIP("there is no seccomp");
	ck_assert_int_eq(line, 0);
}
END_TEST

/* The policy does what the test above relies on. */
static int make_another_call(void)
{
	return (int)syscall(SYS_getuid) * 0;
}

START_TEST(the_policy_kills_for_another_call)
{
	int line;

	if (HAS_CALLS_OF_OTHERS)
		SKIP("the process makes calls that are not the library's");
	line = under(listed, COUNT(listed), SECCOMP_RET_KILL_PROCESS,
		     make_another_call);
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
	return program_use_all();
}

START_TEST(a_program_works_under_a_policy_like_dockers)
{
	int line;

	program_open_files();
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
	program_open_files();
	line = under(like_android, COUNT(like_android), SECCOMP_RET_ALLOW,
		     program_use_all);
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
