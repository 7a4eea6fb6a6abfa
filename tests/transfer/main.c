/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "harness.h"
#include "suites.h"

int main(void)
{
	Suite *const suites[] = {
		suite_transfer(),
		suite_transfer_again(),
		suite_transfer_beside(),
		suite_transfer_cancel(),
		suite_transfer_cancel_shared(),
		suite_transfer_continued(),
		suite_transfer_done(),
		suite_transfer_einval(),
		suite_transfer_end(),
		suite_transfer_many(),
		suite_transfer_release(),
		suite_transfer_shared(),
		suite_transfer_short(),
		suite_transfer_threads(),
		suite_transfer_wait(),
		suite_transfer_model(),
	};

	return harness_run(suites, COUNT(suites));
}
