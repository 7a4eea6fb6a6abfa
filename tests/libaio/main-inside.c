/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "harness.h"
#include "suites.h"

int main(void)
{
	Suite *const suites[] = {
		suite_libaio_calls(),	 suite_libaio_forkers(),
		suite_libaio_handlers(), suite_libaio_lock(),
		suite_libaio_nested(),
	};

	return harness_run(suites, COUNT(suites));
}
