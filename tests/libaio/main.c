/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "harness.h"
#include "suites.h"

int main(void)
{
	Suite *const suites[] = {
		suite_libaio(),		 suite_libaio_destroy(),
		suite_libaio_files(),	 suite_libaio_fork(),
		suite_libaio_layout(),	 suite_libaio_reentry(),
		suite_libaio_ring(),	 suite_libaio_run(),
		suite_libaio_signals(),	 suite_libaio_stale(),
		suite_libaio_threads(),	 suite_libaio_timeout(),
		suite_libaio_versions(), suite_libaio_wait(),
	};

	return harness_run(suites, COUNT(suites));
}
