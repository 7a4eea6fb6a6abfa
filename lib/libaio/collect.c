/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * One reaper at a time. A thread reads the ring with the context's lock, and
 * only if in_kernel is 0. A thread that lets the kernel collect has increased
 * in_kernel under the lock. It decreases it without the lock, by a release:
 * whoever finds 0 afterwards sees the kernel's store to head. The kernel itself
 * serialises any number of callers.
 *
 * io_destroy() removes the context from the table under the lock before the
 * kernel unmaps the ring. So the ring is mapped while a thread that holds the
 * lock finds the context in its place.
 *
 * A signal handler may have interrupted its own thread with a lock held. It
 * cannot have that lock, and does not sleep for another's: it finds nothing,
 * and the interrupted call collects what is there. Anywhere else a handler is
 * like another thread.
 *
 * A signal handler that forks: in the child the context becomes zeros between
 * two instructions of the interrupted call, while the ring may be shared with
 * the parent. Therefore reap() looks at the handle again just before it moves
 * head. A child that is forked between the two moves head as its parent does,
 * to the same place: a parent that goes on first gets completions twice.
 */
#include "collect.h"

#include "deadline.h"
#include "registry.h"

#include <kaio/ring.h>

#include <errno.h>
#include <string.h>

struct collect {
	kaio_context_t ctx;
	long min;
	long nr;
	struct kaio_event *events;
	int64_t timeout_ns;
	const sigset_t *sigmask;
	struct context *context; /* NULL: unknown, the kernel collects */
	long n;			 /* events so far */
};

enum decision {
	DONE,
	INTERRUPTED,
	SPIN,
	ASK_KERNEL /* counted in in_kernel, if the context is known */
};

/* The context's ring, and not something else that is mapped there by now. */
static bool is_ring_of(const struct context *context,
		       const struct kaio_ring_header *header)
{
	return context_handle(context) == (kaio_context_t)header &&
	       header->magic == KAIO_RING_MAGIC && header->nr == context->nr &&
	       header->id == context->id;
}

/* Not kaio_ring_reap(): head moves from where it was when this began. */
static void reap(struct collect *collect, struct kaio_ring_header *header,
		 uint32_t size, uint32_t head, uint32_t tail)
{
	const struct kaio_event *ring = (const struct kaio_event *)(header + 1);

	while (collect->n < collect->nr && head != tail) {
		long nr = (long)((head < tail ? tail : size) - head);

		if (nr > collect->nr - collect->n)
			nr = collect->nr - collect->n;
		memcpy(collect->events + collect->n, ring + head,
		       (size_t)nr * sizeof(*ring));
		head += (uint32_t)nr;
		if (head == size)
			head = 0;
		if (context_handle(collect->context) != collect->ctx)
			return; /* a child: see above */
		/* Release: as in kaio_ring_advance(). */
		__atomic_store_n(&header->head, head, __ATOMIC_RELEASE);
		collect->n += nr;
	}
}

/* With the lock, after so many nanoseconds of spinning. */
static enum decision decide(struct collect *collect, int64_t spent)
{
	struct kaio_ring_header *header =
		(struct kaio_ring_header *)collect->ctx;
	struct context *context = collect->context;
	/* The program can write to the header. */
	const uint32_t size = context->nr;
	uint32_t in_kernel;
	uint32_t head;
	uint32_t tail;

	if (!is_ring_of(context, header)) {
		collect->context = NULL;
		return ASK_KERNEL;
	}
	in_kernel = __atomic_load_n(&context->in_kernel, __ATOMIC_ACQUIRE);
	head = READ_ONCE(header->head);
	/* Acquire: as in kaio_ring_peek(). */
	tail = __atomic_load_n(&header->tail, __ATOMIC_ACQUIRE);
	/* libaio's answer, whatever the other arguments. */
	if (collect->timeout_ns == 0 && head == tail)
		return DONE;
	/*
	 * What the kernel would refuse is the kernel's to refuse, and only the
	 * kernel runs a handler that sigmask admits. It also accepts a head at
	 * the end of the ring, where some programs that read it leave head.
	 */
	if (collect->min >= 0 && collect->min <= collect->nr &&
	    collect->events && !collect->sigmask && !in_kernel && head < size &&
	    tail < size) {
		reap(collect, header, size, head, tail);
		if (collect->n >= collect->min || collect->timeout_ns == 0)
			return DONE;
		if (spent < context->spin_ns)
			return SPIN;
	}
	__atomic_fetch_add(&context->in_kernel, 1, __ATOMIC_RELAXED);
	return ASK_KERNEL;
}

static enum decision try_ring(struct collect *collect, int64_t spent)
{
	struct context *context = collect->context;
	enum decision decision;

	if (!context_lock(context, false))
		return collect->n < collect->min && collect->timeout_ns
			       ? INTERRUPTED
			       : DONE;
	decision = decide(collect, spent);
	context_unlock(context);
	return decision;
}

static __attribute__((cold)) enum decision spin(struct collect *collect)
{
	const int64_t timeout = collect->timeout_ns;
	const int64_t start = now();
	enum decision decision;

	do {
		int64_t spent;

		relax();
		spent = now() - start;
		if (timeout >= 0)
			collect->timeout_ns =
				timeout > spent ? timeout - spent : 0;
		decision = try_ring(collect, spent);
	} while (decision == SPIN);
	return decision;
}

static __attribute__((cold)) int ask_kernel(const struct collect *collect)
{
	struct timespec time;
	const struct timespec *timeout =
		collect->timeout_ns < 0
			? NULL
			: as_timespec(collect->timeout_ns, &time);
	struct kaio_event *events = collect->events + collect->n;
	long min = collect->min - collect->n;
	long nr = collect->nr - collect->n;

	if (collect->sigmask)
		return kaio_pgetevents(collect->ctx, min, nr, events, timeout,
				       collect->sigmask);
	return kaio_getevents(collect->ctx, min, nr, events, timeout);
}

int kaio_collect(kaio_context_t ctx, long min, long nr,
		 struct kaio_event *events, int64_t timeout_ns,
		 const sigset_t *sigmask)
{
	struct context *known = kaio_registry_find(ctx);
	struct collect collect = { ctx,	       min,	nr,    events,
				   timeout_ns, sigmask, known, 0 };
	enum decision decision = ASK_KERNEL;
	int ret = -EINTR;

	if (known)
		decision = try_ring(&collect, 0);
	if (decision == SPIN)
		decision = spin(&collect);
	if (decision == DONE)
		return (int)collect.n;
	if (decision == ASK_KERNEL) {
		ret = ask_kernel(&collect);
		/*
		 * In a child that a handler forked it goes below 0: its place
		 * is then not used again.
		 */
		if (collect.context)
			__atomic_fetch_sub(&known->in_kernel, 1,
					   __ATOMIC_RELEASE);
		kaio_registry_learn(known, ctx, ret);
	}
	if (ret < 0)
		return collect.n ? (int)collect.n : ret;
	return (int)collect.n + ret;
}
