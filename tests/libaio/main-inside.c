/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "environment.h"
#include "harness.h"
#include "suites.h"

#include <string.h>

int main(int argc, char **argv)
{
	Suite *const suites[] = {
		suite_libaio_calls(),	    suite_libaio_cancel(),
		suite_libaio_environment(), suite_libaio_forkers(),
		suite_libaio_handlers(),    suite_libaio_lock(),
		suite_libaio_nested(),	    suite_libaio_spin(),
	};

	/* As tests/libaio/environment.c runs it. */
	if (argc > 1 && strcmp(argv[1], "environment") == 0)
		return (environment_allows_ring() ? 0 : 1) +
		       (environment_spin_ns() ? 2 : 0);
	return harness_run(suites, COUNT(suites));
}
