/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * One reaper at a time: who reads the ring has the context's lock, and finds
 * in_kernel to be 0; who lets the kernel collect was counted in in_kernel under
 * the lock, before. So a reader and the kernel are never at it together, and
 * the kernel sorts out any number of its own callers. in_kernel goes down
 * without the lock, by a release: who sees it at 0 sees the kernel's head.
 *
 * io_destroy() forgets the context under the lock before it has the ring
 * unmapped; a look at the ring begins by asking whether it is still known.
 *
 * Signal handlers. One that collects may have interrupted its own thread
 *
 * - before it had the lock, asleep for it, or after it gave it back: then the
 *   handler is a thread like any other;
 * - in the kernel, or on the way there or back: in_kernel counts it, and the
 *   handler goes to the kernel, too;
 * - with the lock, which context_lock() tells. Everyone else is kept out,
 *   and the handler does as if it had the lock itself, but for the unlocking.
 *   Where its thread was about to read, or goes on to enter the kernel, it
 *   finds what the handler left. Where it was copying events, these may be gone
 *   by now, and their places filled anew: the copy counts only if head can be
 *   moved by compare-and-swap from where it began, else it is made again. That
 *   says nothing only if head has come round to that very place. So reading is
 *   where the outermost of them copies from, stored before head is read for the
 *   last time, and handlers stop one event short of it: by then they have taken
 *   a whole ring of completions, and what is left is reported as a wait that a
 *   signal cut short.
 *
 * A handler that interrupted its thread with one context's lock never sleeps
 * for another's: of two such, each may have what the other wants. What it would
 * collect is as good as not there yet.
 *
 * A handler that forks: the child finds the context wiped from one instruction
 * to the next, while it still has the parent's ring, and must not move head
 * there. What it has of the context is checked before, or makes the ring look
 * empty. What nothing can do is to check that and to move head in one step: a
 * child that is forked just between the two takes what its parent would.
 *
 * A handler that waits there keeps the other threads waiting with it; one that
 * leaves by siglongjmp() leaves the lock behind, as it would a mutex; and one
 * that destroys the context pulls the ring away from under its own thread.
 */
#include "collect.h"

#include "deadline.h"
#include "registry.h"
#include "spin.h"

#include <kaio/ring.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#define NOT_READING UINT32_MAX

enum verdict {
	DONE,
	WAIT, /* more is wanted, and the ring is ours to watch */
	ASK_KERNEL,
	CUT_SHORT
};

static uint32_t nr_of(const struct context *context)
{
	return __atomic_load_n(&context->nr, __ATOMIC_RELAXED);
}

/* Of the caller's handle: a wiped context has none, and an nr of 0. */
static struct kaio_ring ring_of(const struct collect *collect)
{
	struct kaio_ring_header *header =
		(struct kaio_ring_header *)collect->ctx;

	return (struct kaio_ring){ header, (struct kaio_event *)(header + 1),
				   nr_of(collect->context) };
}

/* The context's ring, and not what came to stand at its address. */
static bool is_still(const struct context *context, kaio_context_t handle)
{
	const struct kaio_ring_header *header =
		(const struct kaio_ring_header *)handle;

	return context_handle(context) == handle &&
	       header->magic == KAIO_RING_MAGIC && header->nr == context->nr &&
	       header->id == context->id;
}

/* How many events a handler may take before head comes round to reading. */
static uint32_t room_for_handler(const struct context *context, uint32_t head)
{
	uint32_t nr = nr_of(context);

	if (context->reading == NOT_READING || head >= nr)
		return nr;
	return (context->reading + nr - head - 1) % nr;
}

static uint32_t head_of(const struct kaio_ring *ring)
{
	return __atomic_load_n(&ring->header->head, __ATOMIC_RELAXED);
}

/* As kaio_ring_reap(), which no handler may interrupt. */
static unsigned reap(const struct collect *collect, unsigned max)
{
	struct context *context = collect->context;
	struct kaio_event *events = collect->events;
	struct kaio_ring ring = ring_of(collect);
	bool outermost = context->reading == NOT_READING;
	unsigned reaped = 0;

	while (reaped < max) {
		uint32_t head = head_of(&ring);
		unsigned room = max - reaped;
		const struct kaio_event *run;
		uint32_t next;
		unsigned nr;

		if (outermost)
			__atomic_store_n(&context->reading, head,
					 __ATOMIC_RELAXED);
		else if (room > room_for_handler(context, head))
			room = room_for_handler(context, head);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		run = kaio_ring_peek(&ring, &nr);
		if (!run || !room)
			break;
		if (nr > room)
			nr = room;
		memcpy(events + reaped, run, nr * sizeof(*run));
		next = head + nr < ring.nr ? head + nr : 0;
		if (context_handle(context) != collect->ctx)
			break; /* the child's: see above */
		/* Release: as in kaio_ring_advance(). */
		if (__atomic_compare_exchange_n(&ring.header->head, &head, next,
						false, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			reaped += nr;
	}
	if (outermost)
		__atomic_store_n(&context->reading, NOT_READING,
				 __ATOMIC_RELAXED);
	return reaped;
}

static uint32_t tail_of(const struct kaio_ring *ring)
{
	return __atomic_load_n(&ring->header->tail, __ATOMIC_RELAXED);
}

/* The kernel makes something of an index past the end, and the ring layer not:
 * some programs that read the ring leave head there until they read again. */
static bool is_in_range(const struct kaio_ring *ring)
{
	return head_of(ring) < ring->nr && tail_of(ring) < ring->nr;
}

/* Whether the kernel would do it, and the ring can. */
static bool goes_by_ring(const struct collect *collect)
{
	const struct kaio_ring ring = ring_of(collect);

	/* A handler that the mask admits is the kernel's to call. */
	return collect->min >= 0 && collect->min <= collect->nr &&
	       collect->events && !collect->sigmask && is_in_range(&ring);
}

static void take(struct collect *collect)
{
	unsigned max = nr_of(collect->context);
	unsigned n;

	if (collect->nr < (long)max)
		max = (unsigned)collect->nr;
	n = reap(collect, max);
	collect->n += (int)n;
	collect->events += n;
	collect->nr -= (long)n;
	collect->min = collect->min > (long)n ? collect->min - (long)n : 0;
}

/* libaio's answer to a call that does not wait, whatever its arguments. */
static bool answers_empty(const struct collect *collect)
{
	const struct kaio_ring ring = ring_of(collect);

	return collect->timeout == 0 && head_of(&ring) == tail_of(&ring);
}

/* A handler asks the kernel for no more than it may take. */
static enum verdict ask_kernel_for_room(struct collect *collect)
{
	const struct kaio_ring ring = ring_of(collect);
	long room = (long)room_for_handler(collect->context, head_of(&ring));

	if (collect->nr > room)
		collect->nr = room;
	if (collect->min > room)
		collect->min = room;
	return room ? ASK_KERNEL : CUT_SHORT;
}

/* Within the lock. */
static enum verdict judge(struct collect *collect, bool stay)
{
	struct context *context = collect->context;

	if (!is_still(context, collect->ctx)) {
		collect->context = NULL;
		return ASK_KERNEL;
	}
	if (answers_empty(collect))
		return DONE;
	if (goes_by_ring(collect) &&
	    !__atomic_load_n(&context->in_kernel, __ATOMIC_ACQUIRE)) {
		take(collect);
		if (collect->min == 0 || collect->timeout == 0)
			return DONE;
		collect->spin_ns = context->spin_ns;
		if (stay && collect->spin_ns)
			return WAIT;
	}
	if (context->reading != NOT_READING)
		return ask_kernel_for_room(collect);
	return ASK_KERNEL;
}

/* stay: not to enter the kernel, if there is something to watch. */
static enum verdict look(struct collect *collect, bool stay)
{
	struct context *context = collect->context;
	enum locked locked = context_lock(context, false);
	enum verdict verdict;

	if (locked == BUSY)
		return collect->timeout == 0 ? DONE : CUT_SHORT;
	verdict = judge(collect, stay);
	if (verdict == ASK_KERNEL && collect->context)
		__atomic_fetch_add(&context->in_kernel, 1, __ATOMIC_RELAXED);
	if (locked == LOCKED)
		context_unlock(context);
	return verdict;
}

/* To sleep may take longer than the I/O. */
static enum verdict spin(struct collect *collect, struct spin_wait *wait)
{
	int64_t timeout = collect->timeout;
	int64_t limit = wait->watch_ns;
	int64_t spun;
	enum verdict verdict;

	if (timeout >= 0 && timeout < limit)
		limit = timeout;
	do {
		relax();
		verdict = look(collect, true);
		spun = now() - wait->start;
	} while (verdict == WAIT && spun < limit);
	wait->in_vain = verdict == WAIT;
	if (timeout >= 0)
		collect->timeout = timeout > spun ? timeout - spun : 0;
	return verdict == WAIT ? look(collect, false) : verdict;
}

/* A child that a handler forked has no calls in the kernel. */
static void leave_kernel(struct context *context)
{
	uint32_t calls = __atomic_load_n(&context->in_kernel, __ATOMIC_RELAXED);

	while (calls && !__atomic_compare_exchange_n(
				&context->in_kernel, &calls, calls - 1, false,
				__ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

static int ask_kernel(const struct collect *collect)
{
	const int64_t second = 1000000000;
	struct timespec time = { 0, 0 };
	const struct timespec *timeout = NULL;

	/* A time_t of 32 bits holds 68 years: more is for ever. */
	if (collect->timeout >= 0 && collect->timeout / second <= INT32_MAX) {
		time.tv_sec = (time_t)(collect->timeout / second);
		time.tv_nsec = (long)(collect->timeout % second);
		timeout = &time;
	}
	if (collect->by_pgetevents)
		return kaio_pgetevents(collect->ctx, collect->min, collect->nr,
				       collect->events, timeout,
				       collect->sigmask);
	return kaio_getevents(collect->ctx, collect->min, collect->nr,
			      collect->events, timeout);
}

/* What was not there at the first look: the kernel's answer, or 0. */
__attribute__((noinline)) static int wait_for(struct collect *collect,
					      enum verdict verdict)
{
	struct context *known = collect->context;
	struct spin_wait wait = { .counts = false };
	int ret = 0;

	if (verdict == WAIT) {
		wait = spin_begin(&known->luck, collect->spin_ns);
		verdict = wait.watch_ns ? spin(collect, &wait)
					: look(collect, false);
	}
	if (verdict == CUT_SHORT)
		ret = -EINTR;
	else if (verdict == ASK_KERNEL)
		ret = ask_kernel(collect);
	if (wait.counts)
		spin_end(&known->luck, &wait);
	if (verdict == ASK_KERNEL && collect->context)
		leave_kernel(collect->context);
	return ret;
}

int kaio_collect(struct collect *collect)
{
	struct context *known = kaio_registry_find(collect->ctx);
	enum verdict verdict = ASK_KERNEL;
	int ret;

	collect->context = known;
	if (known)
		verdict = look(collect, true);
	if (verdict == DONE)
		return collect->n;
	ret = wait_for(collect, verdict);
	if (!known && ret >= 0)
		kaio_registry_meet(collect->ctx);
	if (known && ret == -EINVAL)
		kaio_registry_doubt(known, collect->ctx);
	if (ret < 0)
		return collect->n ? collect->n : ret;
	return collect->n + ret;
}
