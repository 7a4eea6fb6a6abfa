/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The same tests on the symbols that the inline functions are exported as. */
#include "harness.h"
#include "suites.h"

/* Of tests/probe/, for the one function of probe.h. */
Suite *suite_probe_limits(void);

int main(void)
{
	Suite *const suites[] = {
		suite_prep(),
		suite_ring(),
		suite_probe_limits(),
	};

	return harness_run(suites, COUNT(suites));
}
