/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

Suite *suite_probe_cancel(void);
Suite *suite_probe_explain(void);
Suite *suite_probe_file(void);
Suite *suite_probe_limits(void);
Suite *suite_probe_mounts(void);
Suite *suite_probe(void);
Suite *suite_probe_refused(void);
Suite *suite_probe_seccomp(void);

#endif
