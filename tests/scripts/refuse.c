/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * refuse SYSTEM-CALL... -- PROGRAM [ARGUMENT...]: runs it where seccomp refuses
 * these calls with EPERM. Exits with 77 where there is no seccomp.
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
	{ "io_uring_setup", 425 }, /* of every architecture but alpha */
};

static int refuse(const char *name)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (strcmp(name, calls[i].name) != 0)
			continue;
		filter[1].k = calls[i].nr;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
			return 77;
		return 0;
	}
	return 99;
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
