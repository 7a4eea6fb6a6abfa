/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

/* So many, or so many times KAIO_TEST_ROUNDS. */
unsigned world_rounds(unsigned nr);

Suite *suite_world_cancelled(void);
Suite *suite_world_children(void);
Suite *suite_world_devices(void);
Suite *suite_world_full(void);
Suite *suite_world_killed(void);
Suite *suite_world_limits(void);
Suite *suite_world_policies(void);
Suite *suite_world_quota(void);
Suite *suite_world_signals(void);
Suite *suite_world_stopped(void);
Suite *suite_world_truncated(void);

#endif
