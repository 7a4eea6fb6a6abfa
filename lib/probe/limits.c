/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The system's limit, and the numbers that a depth's cost depends on. */
#include "pseudo-file.h"

#include <kaio/probe.h>

/* From a list like "0-3,8"; 0 if it is none. */
static uint32_t count_cpus(const char *list)
{
	uint32_t cpus = 0;

	for (;;) {
		char *end;
		unsigned long first = strtoul(list, &end, 10);
		unsigned long last = first;

		if (end == list)
			return 0;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		cpus += (uint32_t)(last - first + 1);
		list = end + 1;
		if (*end != ',')
			return *end == '\n' ? cpus : 0;
	}
}

/* num_possible_cpus(): may be more than are online or present. */
static uint32_t possible_cpus(void)
{
	char list[4096];
	uint32_t cpus = 0;
	long present;

	if (pseudo_file_read("/sys/devices/system/cpu/possible", list,
			     sizeof(list)) == 0)
		cpus = count_cpus(list);
	if (cpus)
		return cpus;
	present = sysconf(_SC_NPROCESSORS_CONF);
	return present > 0 ? (uint32_t)present : 1;
}

__attribute__((cold)) int kaio_get_limits(struct kaio_limits *limits)
{
	struct kaio_limits found = { 0 };
	int saved = errno;
	int ret;

	if (!limits)
		return -EINVAL;
	ret = pseudo_file_number("/proc/sys/fs/aio-nr", &found.aio_nr);
	if (ret == 0)
		ret = pseudo_file_number("/proc/sys/fs/aio-max-nr",
					 &found.aio_max_nr);
	if (ret == 0) {
		found.possible_cpus = possible_cpus();
		found.page_size = (uint32_t)sysconf(_SC_PAGESIZE);
		*limits = found;
	}
	errno = saved;
	return ret;
}
