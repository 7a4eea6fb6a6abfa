/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "libaio-abi.h"

#include "abi.c"
