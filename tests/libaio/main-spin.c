/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "harness.h"
#include "suites.h"

int main(void)
{
	Suite *const suites[] = {
		suite_libaio_spin(),
	};

	return harness_run(suites, COUNT(suites));
}
