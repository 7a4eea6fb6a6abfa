/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "harness.h"
#include "suites.h"

int main(void)
{
	Suite *const suites[] = {
		suite_abi(),	    suite_abi_errors(),	 suite_abi_getevents(),
		suite_abi_layout(), suite_abi_limits(),	 suite_abi_results(),
		suite_abi_submit(), suite_prep(),	 suite_prep_kernel(),
		suite_ring(),	    suite_ring_kernel(),
	};

	return harness_run(suites, COUNT(suites));
}
