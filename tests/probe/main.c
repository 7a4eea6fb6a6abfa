/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "harness.h"
#include "suites.h"

int main(void)
{
	Suite *const suites[] = {
		suite_probe(),	       suite_probe_cancel(),
		suite_probe_explain(), suite_probe_file(),
		suite_probe_limits(),  suite_probe_mounts(),
		suite_probe_refused(), suite_probe_seccomp(),
	};

	return harness_run(suites, COUNT(suites));
}
