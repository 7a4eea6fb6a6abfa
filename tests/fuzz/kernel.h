/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A kernel in the process: one context, a few files and eventfds, and a clock
 * that moves when somebody sleeps. What it does is decided by the bytes of the
 * input from its end, one or more for each call; 0, or no byte left, is a
 * kernel that does what was asked, at once and in order. The calls of the
 * program are taken from the front.
 */
#ifndef FUZZ_KERNEL_H
#define FUZZ_KERNEL_H

#include <kaio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FD_GOOD 10
#define FD_DIRECT 11 /* O_DIRECT: off the alignment a read is -EINVAL */
#define FD_BAD 12
#define FD_EVENTFD 1000 /* the first of them */
#define EVENTFDS 3

#define FLIGHTS_MAX 64
#define SECTOR 512

/* An operation in the kernel: the iocb is a copy, as the caller's may be gone.
 */
struct flight {
	struct kaio_iocb iocb;
	uint64_t obj;
	uint64_t size; /* bytes that were asked for */
};

struct kernel {
	const uint8_t *front, *back;
	int64_t clock;
	unsigned calls;

	/* The context. */
	bool alive;
	struct kaio_ring_header *ring;
	unsigned nr;
	unsigned head; /* as it was when the kernel last looked */
	unsigned tail;
	unsigned spare; /* slots, more than were asked for */
	struct flight flights[FLIGHTS_MAX];
	unsigned nr_flights;
	bool in_getevents;

	/* What goes wrong, beside what the input's bytes decide. */
	int setup_error;
	unsigned setup_errors_left;
	int refusal; /* of io_submit, so many times more */
	unsigned refusals_left;
	int getevents_error, pgetevents_error;
	bool no_memory, no_eventfds, no_madvise, no_ring;

	/* What went wrong. */
	bool was_refused; /* the last operations, for want of memory or room */
	unsigned faults;
	unsigned interruptions;
	unsigned refused_calls; /* io_getevents, by seccomp */

	/* Seen by seam.c. */
	struct {
		bool open;
		uint64_t count;
	} eventfds[EVENTFDS];
	unsigned allocations;
	bool locked;
};

extern struct kernel kernel;

/* The wakeup is the queue's own; what the program pushes has data. */
static inline bool is_program(const struct kaio_iocb *iocb)
{
	return iocb->data;
}

_Noreturn void fail(const char *why);

/* With FUZZ_TRACE in the environment: what happens, on standard error. */
extern bool kernel_traces;
void kernel_trace(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#define trace(...)                                      \
	do {                                            \
		if (__builtin_expect(kernel_traces, 0)) \
			kernel_trace(__VA_ARGS__);      \
	} while (0)

static inline void expect(bool condition, const char *why)
{
	if (__builtin_expect(!condition, 0))
		fail(why);
}

static inline struct kaio_event *kernel_events(void)
{
	return (struct kaio_event *)(kernel.ring + 1);
}

bool input_has_more(void);
unsigned input_call(void);
unsigned input_kernel(void);

void kernel_begin(const uint8_t *data, size_t size);
void kernel_end(void);

long kernel_setup(unsigned nr, unsigned long *ctx);
long kernel_destroy(unsigned long ctx);
long kernel_submit(unsigned long ctx, long nr, struct kaio_iocb **iocbs);
long kernel_cancel(unsigned long ctx, const struct kaio_iocb *iocb);
long kernel_getevents(unsigned long ctx, long min, long nr,
		      struct kaio_event *events, const struct timespec *timeout,
		      int error);

/* Takes note of what user space has collected from the ring. */
void kernel_look_at_head(void);

/* Completions in the ring: all, and those of the program's operations. */
unsigned kernel_unread(void);
unsigned kernel_unread_of_program(void);
unsigned kernel_in_flight_of_program(void);

/* Completes an operation, which and how the input's bytes say. */
bool kernel_complete(unsigned choice);
void kernel_complete_as(struct flight *flight, int64_t res);
bool kernel_can_complete(const struct flight *flight);

/* Makes an index of the ring absurd, until the kernel puts it right. */
void kernel_upset_ring(unsigned how);

/* Somebody else destroys the context. */
void kernel_kill(void);

void kernel_raise(unsigned eventfd);

/* The model, in model.c: what the kernel tells it. */
void model_taken(const struct kaio_iocb *iocb);
void model_refused(const struct kaio_iocb *iocb, int error);
void model_result(const struct kaio_iocb *iocb, int64_t res);
/* io_getevents is about to sleep, until the time ends; INT64_MAX: without end.
 */
void model_sleeps(long min, int64_t until);
/* Another thread makes a call meanwhile; false if there is none. */
bool model_other_thread(void);
/* A signal handler calls kaio_queue_wake(); false if it may not. */
bool model_wakes(void);
/* Another thread does, for nothing else will end this sleep. */
void model_rescues(void);

#endif
