/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * refuse SYSTEM-CALL[=ERROR]... -- PROGRAM [ARGUMENT...]: runs it where seccomp
 * refuses these calls, with EPERM if no error is given. Exits with 77 where
 * there is no seccomp.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned nr;
} calls[] = {
	{ "io_setup", SYS_io_setup },
	{ "io_submit", SYS_io_submit },
#ifdef SYS_io_getevents
	{ "io_getevents", SYS_io_getevents },
#endif
#ifdef SYS_io_pgetevents
	{ "io_pgetevents", SYS_io_pgetevents },
#endif
#ifdef SYS_io_pgetevents_time64
	{ "io_pgetevents", SYS_io_pgetevents_time64 },
#endif
	{ "io_uring_setup", 425 }, /* of every architecture but alpha */
};

static const struct {
	const char *suffix;
	unsigned number;
} errors[] = { { "", EPERM }, { "=EAGAIN", EAGAIN }, { "=ENOSYS", ENOSYS } };

static int refuse_call(unsigned nr, unsigned error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return 77;
	return 0;
}

/* A call may have several numbers. */
static int refuse(const char *word)
{
	size_t length = strcspn(word, "=");
	unsigned error = 0;
	int status = 99;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(word + length, errors[i].suffix) == 0)
			error = errors[i].number;
	for (size_t i = 0; error && i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strlen(calls[i].name) != length ||
		    strncmp(word, calls[i].name, length) != 0)
			continue;
		status = refuse_call(calls[i].nr, error);
		if (status)
			return status;
	}
	return status;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc - 1; i++) {
		int status = 0;

		if (strcmp(argv[i], "--") == 0)
			execv(argv[i + 1], argv + i + 1);
		else
			status = refuse(argv[i]);
		if (status)
			return status;
	}
	return 99;
}
