/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What is done under faults. Each does the same in every run, as far as threads
 * allow, asserts by check.h, and leaves nothing behind.
 */
#ifndef WORKLOADS_H
#define WORKLOADS_H

void workload_wait(void);
void workload_run(void);
void workload_cancel(void);
void workload_drop(void);
void workload_wake(void);
void workload_eventfd(void);
void workload_eventfd_shared(void);
void workload_threads(void);
void workload_drains(void);
void workload_transfer(void);
void workload_transfer_cancel(void);
void workload_transfer_cancel_shared(void);
void workload_transfer_threads(void);
void workload_libaio(void);
void workload_libaio_run(void);
void workload_libaio_threads(void);

#endif
