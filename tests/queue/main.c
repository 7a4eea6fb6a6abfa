/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "harness.h"
#include "suites.h"

int main(void)
{
	Suite *const suites[] = {
		suite_queue_callbacks(), suite_queue_cancel(),
		suite_queue_chains(),	 suite_queue_descriptors(),
		suite_queue_eventfd(),	 suite_queue_faults(),
		suite_queue_files(),	 suite_queue_fork(),
		suite_queue_idle(),	 suite_queue_indexes(),
		suite_queue_kinds(),	 suite_queue_memory(),
		suite_queue_needs(),	 suite_queue_push(),
		suite_queue(),		 suite_queue_random(),
		suite_queue_readable(),	 suite_queue_reaper(),
		suite_queue_resfd(),	 suite_queue_retries(),
		suite_queue_run(),	 suite_queue_shared(),
		suite_queue_sleepers(),	 suite_queue_spin(),
		suite_queue_splits(),	 suite_queue_thread_cancel(),
		suite_queue_wait(),	 suite_queue_wake(),
	};

	return harness_run(suites, COUNT(suites));
}
