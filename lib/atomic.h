/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Memory that other threads use meanwhile. */
#ifndef ATOMIC_H
#define ATOMIC_H

/* Relaxed: in no order with others. */
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELAXED)

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
