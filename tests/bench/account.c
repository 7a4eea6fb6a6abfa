/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "bench.h"

#include <inttypes.h>
#include <string.h>

static int64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/*
 * What this process, threads of the kernel's for it included, had moved to or
 * from storage: task_io_account_read() of each bio and its like.
 */
uint64_t kernel_bytes(bool written)
{
	const char *wanted =
		written ? "write_bytes: %" SCNu64 : "read_bytes: %" SCNu64;
	FILE *file = fopen("/proc/self/io", "r");
	uint64_t bytes = 0;
	char line[80];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, wanted, &bytes) == 1)
			break;
	fclose(file);
	return bytes;
}
