/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#ifndef SPIN_H
#define SPIN_H

/* Tells the processor that it is in a loop until memory changes. */
static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

#endif
