/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "policy.h"

#include "harness.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static bool is_restricted;

/* Asked by LeakSanitizer, which cannot do its work under a policy. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return is_restricted;
}

bool policy_refuse(long number, int error)
{
	const char *fork = getenv("CK_FORK");
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { COUNT(filter), filter };

	if (fork && strcmp(fork, "no") == 0)
		return false;
	is_restricted = true;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

bool policy_refuse_stat(int error)
{
	static const long numbers[] = {
#ifdef SYS_fstat
		SYS_fstat,
#endif
#ifdef SYS_newfstatat
		SYS_newfstatat,
#endif
#ifdef SYS_fstat64
		SYS_fstat64,
#endif
#ifdef SYS_fstatat64
		SYS_fstatat64,
#endif
		SYS_statx,
	};
	size_t i;

	for (i = 0; i < COUNT(numbers); i++)
		if (!policy_refuse(numbers[i], error))
			return false;
	return true;
}
