/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

Suite *suite_libaio_calls(void);
Suite *suite_libaio_cancel(void);
Suite *suite_libaio_destroy(void);
Suite *suite_libaio_environment(void);
Suite *suite_libaio_files(void);
Suite *suite_libaio_fork(void);
Suite *suite_libaio_forkers(void);
Suite *suite_libaio_handlers(void);
Suite *suite_libaio_layout(void);
Suite *suite_libaio(void);
Suite *suite_libaio_lock(void);
Suite *suite_libaio_nested(void);
Suite *suite_libaio_plugin(void);
Suite *suite_libaio_reentry(void);
Suite *suite_libaio_ring(void);
Suite *suite_libaio_run(void);
Suite *suite_libaio_signals(void);
Suite *suite_libaio_spin(void);
Suite *suite_libaio_stale(void);
Suite *suite_libaio_threads(void);
Suite *suite_libaio_timeout(void);
Suite *suite_libaio_versions(void);
Suite *suite_libaio_wait(void);

#endif
