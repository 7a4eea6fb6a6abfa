/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The suites that make no call of the kernel's AIO, which qemu-user lacks. */
#include "faults.h"
#include "harness.h"

#include "../abi/suites.h"
#undef SUITES_H
#include "../probe/suites.h"

/* Nothing fails here: there is no seam to reset. */
void faults_reset(void)
{
}

int main(void)
{
	Suite *const suites[] = {
		suite_abi_layout(),
		suite_prep(),
		suite_ring(),
		suite_probe_explain(),
	};

	return harness_run(suites, COUNT(suites));
}
