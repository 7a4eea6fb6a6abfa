/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Watching memory that another processor is about to change. */
#ifndef SPIN_H
#define SPIN_H

/*
 * For how long a wait watches the ring before it sleeps, unless it is told
 * otherwise; kaio_queue_create(3) says why.
 */
#define SPIN_NS 50000

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
