/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "harness.h"
#include "suites.h"

#include <stdlib.h>

unsigned world_rounds(unsigned nr)
{
	const char *times = getenv("KAIO_TEST_ROUNDS");

	return nr * (times ? (unsigned)atoi(times) : 1);
}

int main(void)
{
	Suite *const suites[] = {
		suite_world_full(),	 suite_world_truncated(),
		suite_world_limits(),	 suite_world_quota(),
		suite_world_devices(),	 suite_world_policies(),
		suite_world_killed(),	 suite_world_children(),
		suite_world_signals(),	 suite_world_stopped(),
		suite_world_cancelled(),
	};

	return harness_run(suites, COUNT(suites));
}
