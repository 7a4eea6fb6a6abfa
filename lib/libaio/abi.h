/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The ABI layer by names of its own, so that libaio.a and libkaio.a go into one
 * program whatever their versions. On 32-bit glibc the library is made for the
 * time_t of 32 bits, and has functions for the other.
 */
#ifndef LIBAIO_ABI_H
#define LIBAIO_ABI_H

#undef _TIME_BITS

#define kaio_setup kaio_libaio_setup
#define kaio_destroy kaio_libaio_destroy
#define kaio_submit kaio_libaio_submit
#define kaio_cancel kaio_libaio_cancel
#define kaio_getevents kaio_libaio_getevents
#define kaio_pgetevents kaio_libaio_pgetevents
#define kaio_getevents_time64 kaio_libaio_getevents_time64
#define kaio_pgetevents_time64 kaio_libaio_pgetevents_time64

#include <kaio/abi.h>

#endif
