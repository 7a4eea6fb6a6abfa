/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

Suite *suite_abi_errors(void);
Suite *suite_abi_getevents(void);
Suite *suite_abi_layout(void);
Suite *suite_abi_limits(void);
Suite *suite_abi_results(void);
Suite *suite_abi_submit(void);
Suite *suite_abi(void);
Suite *suite_prep_kernel(void);
Suite *suite_prep(void);
Suite *suite_ring_kernel(void);
Suite *suite_ring(void);

#endif
