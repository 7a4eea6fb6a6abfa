/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#ifndef SUITES_H
#define SUITES_H

#include <check.h>

Suite *suite_transfer(void);
Suite *suite_transfer_again(void);
Suite *suite_transfer_beside(void);
Suite *suite_transfer_cancel(void);
Suite *suite_transfer_cancel_shared(void);
Suite *suite_transfer_continued(void);
Suite *suite_transfer_done(void);
Suite *suite_transfer_einval(void);
Suite *suite_transfer_end(void);
Suite *suite_transfer_many(void);
Suite *suite_transfer_model(void);
Suite *suite_transfer_release(void);
Suite *suite_transfer_shared(void);
Suite *suite_transfer_short(void);
Suite *suite_transfer_threads(void);
Suite *suite_transfer_wait(void);

#endif
