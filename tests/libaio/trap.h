/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Runs a signal handler at a chosen instruction of a call, by the processor's
 * trap flag: SIGTRAP comes after each instruction. All state is per thread.
 */
#ifndef TRAP_H
#define TRAP_H

#include "harness.h"
#include "sanitizers.h"

#include <signal.h>
#include <ucontext.h>

#ifdef __x86_64__
#define TRAP_FLAGS "q"
#define TRAP_STACK "rsp"
#elif defined(__i386__)
#define TRAP_FLAGS "l"
#define TRAP_STACK "esp"
#endif

/* With ASan most instructions are not the library's. */
#if WITH_ADDRESS_SANITIZER
#define TRAP_STRIDE 7
#else
#define TRAP_STRIDE 1
#endif

#ifdef TRAP_FLAGS
#define TRAP(instruction)                                           \
	__asm__ volatile("pushf\n\t" instruction ", (%%" TRAP_STACK \
			 ")\n\tpopf" ::                             \
				 : "memory", "cc")
#define TRAP_ON() TRAP("or" TRAP_FLAGS " $0x100")
#define TRAP_OFF() TRAP("and" TRAP_FLAGS " $~0x100")
#else
#define TRAP_ON()
#define TRAP_OFF()
#endif

static _Thread_local unsigned trap_step; /* instructions so far */
static _Thread_local unsigned trap_at;	 /* when to act */
static _Thread_local void (*trap_action)(void);

static void trap_handle(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	if (++trap_step != trap_at)
		return;
#ifdef TRAP_FLAGS
	/* No more traps. */
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100;
#endif
	(void)context;
	trap_action();
}

static void trap_begin(void (*action)(void))
{
	struct sigaction trap = { .sa_sigaction = trap_handle,
				  .sa_flags = SA_SIGINFO };

	trap_action = action;
	ck_assert_ok(sigaction(SIGTRAP, &trap, NULL));
}

/* Runs a statement; the action interrupts its instruction number at. */
#define TRAPPED(at, statement)  \
	do {                    \
		trap_step = 0;  \
		trap_at = (at); \
		TRAP_ON();      \
		statement;      \
		TRAP_OFF();     \
	} while (0)

static inline bool trap_works(void)
{
#if !defined(TRAP_FLAGS) || WITH_THREAD_SANITIZER
	return false;
#else
	return !harness_is_under_valgrind();
#endif
}

#define SKIP_IF_NO_TRAP()                                                 \
	do {                                                              \
		if (!trap_works())                                        \
			SKIP("there is no trap flag, or an instrumented " \
			     "program");                                  \
	} while (0)

#endif
