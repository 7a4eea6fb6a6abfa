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
 * - with the lock, which kaio_context_lock() tells. Everyone else is kept out,
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
 * A handler that waits there keeps the other threads waiting with it; one that
 * leaves by siglongjmp() leaves the lock behind, as it would a mutex; and one
 * that destroys the context pulls the ring away from under its own thread.
 */
#include "libaio-collect.h"

#include "deadline.h"
#include "libaio-registry.h"
#include "spin.h"

#include <kaio/ring.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#define NOT_READING UINT32_MAX

/* A call under way. */
struct call {
	struct context *context; /* NULL: the kernel's alone */
	struct collect left;	 /* what of it is left to do */
	int n;			 /* events so far */
	bool by_ring;		 /* whether the ring may answer */
};

enum verdict {
	DONE,
	WAIT, /* more is wanted, and the ring is ours to watch */
	ASK_KERNEL,
	CUT_SHORT
};

static struct kaio_ring ring_of(const struct context *context)
{
	struct kaio_ring_header *header =
		(struct kaio_ring_header *)context->handle;

	return (struct kaio_ring){ header, (struct kaio_event *)(header + 1),
				   context->nr };
}

/* The context's ring, and not what came to stand at its address. */
static bool is_still(const struct context *context, kaio_context_t handle)
{
	const struct kaio_ring_header *header =
		(const struct kaio_ring_header *)handle;

	return context->handle == handle && context->nr &&
	       header->magic == KAIO_RING_MAGIC && header->nr == context->nr &&
	       header->id == context->id;
}

/* How many events a handler may take before head comes round to reading. */
static uint32_t room_for_handler(const struct context *context, uint32_t head)
{
	if (context->reading == NOT_READING || head >= context->nr)
		return context->nr;
	return (context->reading + context->nr - head - 1) % context->nr;
}

static uint32_t head_of(const struct kaio_ring *ring)
{
	return __atomic_load_n(&ring->header->head, __ATOMIC_RELAXED);
}

/* As kaio_ring_reap(), which no handler may interrupt. */
static unsigned reap(struct context *context, struct kaio_event *events,
		     unsigned max)
{
	struct kaio_ring ring = ring_of(context);
	bool outermost = context->reading == NOT_READING;
	unsigned reaped = 0;

	while (reaped < max) {
		uint32_t head = head_of(&ring);
		unsigned room = max - reaped;
		const struct kaio_event *run;
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
		if (run != ring.events + head)
			continue;
		if (nr > room)
			nr = room;
		memcpy(events + reaped, run, nr * sizeof(*run));
		/* A handler forked, and this is the child. */
		if (context->handle != (kaio_context_t)ring.header)
			break;
		/* Release: as in kaio_ring_advance(). */
		if (__atomic_compare_exchange_n(
			    &ring.header->head, &head,
			    head + nr < ring.nr ? head + nr : 0, false,
			    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			reaped += nr;
	}
	if (outermost)
		__atomic_store_n(&context->reading, NOT_READING,
				 __ATOMIC_RELAXED);
	return reaped;
}

static void take(struct call *call)
{
	struct collect *left = &call->left;
	unsigned max = call->context->nr;
	unsigned n;

	if (left->nr < (long)max)
		max = (unsigned)left->nr;
	n = reap(call->context, left->events, max);
	call->n += (int)n;
	left->events += n;
	left->nr -= (long)n;
	left->min -= (long)n;
}

/* libaio's answer to a call that does not wait, whatever its arguments. */
static bool answers_empty(const struct call *call)
{
	const struct kaio_ring ring = ring_of(call->context);

	return call->left.timeout == 0 && kaio_ring_ready(&ring) == 0;
}

/* Within the lock. */
static enum verdict judge(struct call *call, bool stay)
{
	struct context *context = call->context;
	struct collect *left = &call->left;
	struct kaio_ring ring;
	uint32_t room;

	if (!is_still(context, left->ctx)) {
		call->context = NULL;
		return ASK_KERNEL;
	}
	if (answers_empty(call))
		return DONE;
	if (call->by_ring &&
	    !__atomic_load_n(&context->in_kernel, __ATOMIC_ACQUIRE)) {
		take(call);
		if (left->min <= 0 || left->timeout == 0)
			return DONE;
		if (stay)
			return WAIT;
	}
	ring = ring_of(context);
	room = room_for_handler(context, head_of(&ring));
	if (!room)
		return CUT_SHORT;
	if (context->reading != NOT_READING && left->nr > (long)room) {
		left->nr = (long)room;
		if (left->min > left->nr)
			left->min = left->nr;
	}
	return ASK_KERNEL;
}

/* stay: not to enter the kernel. */
static enum verdict look(struct call *call, bool stay)
{
	struct context *context = call->context;
	bool locked = kaio_context_lock(context);
	enum verdict verdict = judge(call, stay);

	if (verdict == ASK_KERNEL && call->context)
		__atomic_fetch_add(&context->in_kernel, 1, __ATOMIC_RELAXED);
	if (locked)
		kaio_context_unlock(context);
	return verdict;
}

/* To sleep may cost more than the I/O: see the ring layer's figures. */
static enum verdict spin(struct call *call)
{
	int64_t timeout = call->left.timeout;
	int64_t start = now();
	int64_t time = start;
	int64_t end = start + call->context->spin_ns;
	enum verdict verdict;

	if (timeout >= 0 && timeout < end - start)
		end = start + timeout;
	do {
		relax();
		verdict = look(call, true);
		if (verdict != WAIT)
			break;
		time = now();
	} while (time < end);
	if (timeout >= 0)
		call->left.timeout =
			timeout > time - start ? timeout - (time - start) : 0;
	return verdict == WAIT ? look(call, false) : verdict;
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

int kaio_collect(const struct collect *collect)
{
	struct context *known = kaio_registry_find(collect->ctx);
	enum verdict verdict = ASK_KERNEL;
	struct call call = {
		.context = known,
		.left = *collect,
		/* A handler that the mask admits is the kernel's to call. */
		.by_ring = !collect->sigmask && collect->min >= 0 &&
			   collect->min <= collect->nr,
	};
	int ret;

	if (known)
		verdict = look(&call, known->spin_ns > 0);
	if (verdict == WAIT)
		verdict = spin(&call);
	if (verdict == DONE)
		return call.n;
	ret = verdict == CUT_SHORT ? -EINTR : ask_kernel(&call.left);
	if (verdict == ASK_KERNEL && call.context)
		leave_kernel(call.context);
	if (!known && ret >= 0)
		kaio_registry_meet(collect->ctx);
	if (known && ret == -EINVAL)
		kaio_registry_doubt(known, collect->ctx);
	if (ret < 0)
		return call.n ? call.n : ret;
	return call.n + ret;
}
