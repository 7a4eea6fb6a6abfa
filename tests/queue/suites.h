/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

Suite *suite_queue_callbacks(void);
Suite *suite_queue_cancel(void);
Suite *suite_queue_chains(void);
Suite *suite_queue_descriptors(void);
Suite *suite_queue_eventfd(void);
Suite *suite_queue_faults(void);
Suite *suite_queue_files(void);
Suite *suite_queue_fork(void);
Suite *suite_queue_idle(void);
Suite *suite_queue_indexes(void);
Suite *suite_queue_kinds(void);
Suite *suite_queue_memory(void);
Suite *suite_queue_needs(void);
Suite *suite_queue_push(void);
Suite *suite_queue(void);
Suite *suite_queue_random(void);
Suite *suite_queue_readable(void);
Suite *suite_queue_reaper(void);
Suite *suite_queue_resfd(void);
Suite *suite_queue_retries(void);
Suite *suite_queue_run(void);
Suite *suite_queue_shared(void);
Suite *suite_queue_sleepers(void);
Suite *suite_queue_spin(void);
Suite *suite_queue_splits(void);
Suite *suite_queue_thread_cancel(void);
Suite *suite_queue_wait(void);
Suite *suite_queue_wake(void);

#endif
