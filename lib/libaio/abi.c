/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "abi.h"

#include "../abi.c"
