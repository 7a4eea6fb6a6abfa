/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * libkaio: Linux kernel asynchronous I/O.
 *
 * Most programs want <kaio/prep.h> to describe an operation and
 * <kaio/queue.h> to have it done; kaio(7) is the place to start reading.
 */
#ifndef KAIO_H
#define KAIO_H

#include <kaio/abi.h>
#include <kaio/prep.h>
#include <kaio/ring.h>
#include <kaio/probe.h>
#include <kaio/queue.h>
#include <kaio/transfer.h>

#endif
