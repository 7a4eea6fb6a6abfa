/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * An operation that kaio_queue_push() accepted is in exactly one of three
 * places, and moves through them in this order:
 *
 *   pending  pushed, not yet in the kernel: pending[head, tail), first in first
 *            out;
 *   flight   in the kernel, its completion not yet taken from it: a hash table
 *            of iocb addresses, inflight of them. The kernel does not tell what
 *            it has, but kaio_queue_cancel() must, and so must fail_all();
 *   done     completed, not yet with the caller: done[done_head, done_tail).
 *            Made here for an operation the kernel would not take, or collected
 *            by kaio_queue_drain(). What kaio_queue_wait() collects goes to the
 *            caller's array at once.
 *
 * As no more than capacity of them are outstanding, and pending and done have
 * room for as many, neither overflows. head, tail, done_head and done_tail run
 * freely and are masked on access.
 *
 * An iocb is not touched after the kernel took it: it may be gone.
 */
#include <kaio/queue.h>
#include <kaio/ring.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * io_submit that has no memory is tried again PATIENCE times before the
 * operation fails, by a waiter every RETRY_NS.
 */
#define PATIENCE 32
#define RETRY_NS 4000000

#define NO_WAIT 0
#define NO_DEADLINE INT64_MAX

/* The owner of a queue whose memory the kernel wipes in children. */
#define WIPED_BY_FORK (-1)

struct kaio_queue {
	pid_t owner; /* WIPED_BY_FORK, or the pid to compare; 0: wiped */
	unsigned depth;
	unsigned capacity;
	kaio_context_t ctx;
	struct kaio_ring ring; /* its header is NULL where there is none */

	struct kaio_iocb **pending;
	struct kaio_event *done;
	unsigned mask; /* of pending and of done */
	unsigned head, tail;
	unsigned done_head, done_tail;

	struct kaio_iocb **flight;
	unsigned flight_mask;
	unsigned inflight;

	unsigned refusals; /* in a row, of the head of pending */
	struct kaio_queue_stats stats;
	size_t mapped; /* bytes, this structure and its arrays */
};

static int check(const struct kaio_queue *queue)
{
	if (!queue)
		return -EINVAL;
	if (queue->owner == WIPED_BY_FORK || queue->owner == getpid())
		return 0;
	return -ECHILD;
}

static unsigned pending(const struct kaio_queue *queue)
{
	return queue->tail - queue->head;
}

/* In flight */

static unsigned flight_home(const struct kaio_queue *queue, uintptr_t iocb)
{
	/* Fibonacci hashing; addresses differ in their middle bits. */
	return (unsigned)((uint64_t)iocb * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
	       queue->flight_mask;
}

static void flight_add(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	unsigned i = flight_home(queue, (uintptr_t)iocb);

	while (queue->flight[i])
		i = (i + 1) & queue->flight_mask;
	queue->flight[i] = iocb;
	queue->inflight++;
}

/*
 * An entry stays where it was put, so that its neighbours may leave gaps: the
 * search goes on over them, and over the whole table for what is not there.
 */
static struct kaio_iocb **flight_find(struct kaio_queue *queue, uintptr_t iocb)
{
	unsigned home = flight_home(queue, iocb);
	unsigned i = home;

	do {
		if ((uintptr_t)queue->flight[i] == iocb)
			return queue->flight + i;
		i = (i + 1) & queue->flight_mask;
	} while (i != home);
	return NULL;
}

static void flight_remove(struct kaio_queue *queue, uintptr_t iocb)
{
	struct kaio_iocb **entry = flight_find(queue, iocb);

	if (entry) {
		*entry = NULL;
		queue->inflight--;
	}
}

/* Done */

/*
 * What aio_complete() would have done for the operation's eventfd. The kernel
 * may have refused the operation because resfd is no eventfd, and into any
 * other file 8 bytes must not go: only an anonymous inode has no type, and of
 * those only an eventfd takes them. A full counter is readable already.
 */
static void signal_eventfd(const struct kaio_iocb *iocb)
{
	const uint64_t one = 1;
	struct pollfd resfd = { (int)iocb->resfd, POLLOUT, 0 };
	int saved = errno;
	struct stat status;

	if (!(iocb->flags & KAIO_IOCB_RESFD))
		return;
	if (fstat(resfd.fd, &status) == 0 && !(status.st_mode & S_IFMT) &&
	    poll(&resfd, 1, 0) == 1 && resfd.revents == POLLOUT)
		(void)!write(resfd.fd, &one, sizeof(one));
	errno = saved;
}

static void complete(struct kaio_queue *queue, const struct kaio_iocb *iocb,
		     int error)
{
	queue->done[queue->done_tail++ & queue->mask] = (struct kaio_event){
		.data = iocb->data,
		.obj = (uintptr_t)iocb,
		.res = error,
	};
	signal_eventfd(iocb);
}

static unsigned take_done(struct kaio_queue *queue, struct kaio_event *events,
			  unsigned max)
{
	unsigned n = 0;

	while (n < max && queue->done_head != queue->done_tail)
		events[n++] = queue->done[queue->done_head++ & queue->mask];
	return n;
}

/* Submission */

static void reject_head(struct kaio_queue *queue, int error)
{
	complete(queue, queue->pending[queue->head++ & queue->mask], error);
	queue->stats.rejected++;
	queue->refusals = 0;
}

static bool context_is_gone(struct kaio_queue *queue)
{
	queue->stats.submit_calls++;
	return kaio_submit(queue->ctx, 0, NULL) == -EINVAL;
}

/* The context is gone: so are its ring and the events that were to come. */
static void fail_all(struct kaio_queue *queue)
{
	unsigned i;

	queue->ring.header = NULL;
	for (i = 0; queue->inflight; i++) {
		if (!queue->flight[i])
			continue;
		complete(queue, queue->flight[i], -EINVAL);
		queue->flight[i] = NULL;
		queue->inflight--;
	}
	while (pending(queue))
		reject_head(queue, -EINVAL);
}

/*
 * What an io_submit that took nothing means: true to go on with the head, which
 * is another or worth another try at once; false to stop.
 */
static bool go_on(struct kaio_queue *queue, int error)
{
	switch (error) {
	case 0: /* no kernel does that; as good as -EAGAIN */
	case -EAGAIN:
		queue->stats.eagains++;
		error = -EAGAIN;
		/* Room comes with the next completion that is collected. */
		if (queue->inflight)
			return false;
		break;
	case -EINTR:
	case -ENOMEM:
		break;
	case -EINVAL:
		if (context_is_gone(queue)) {
			fail_all(queue);
			return false;
		}
		/* fall through */
	default:
		reject_head(queue, error);
		return true;
	}
	if (++queue->refusals < PATIENCE)
		return error == -EINTR;
	reject_head(queue, error);
	return true;
}

static void took(struct kaio_queue *queue, unsigned nr)
{
	queue->stats.submitted += nr;
	queue->refusals = 0;
	while (nr--)
		flight_add(queue, queue->pending[queue->head++ & queue->mask]);
}

/*
 * Each turn takes an operation from pending or stops. After a partial count the
 * rest goes in at once, so that the error of its head shows.
 */
static int submit(struct kaio_queue *queue)
{
	unsigned taken = 0;

	while (pending(queue) && queue->inflight < queue->depth) {
		unsigned first = queue->head & queue->mask;
		unsigned nr = queue->mask + 1 - first;
		int ret;

		if (nr > pending(queue))
			nr = pending(queue);
		if (nr > queue->depth - queue->inflight)
			nr = queue->depth - queue->inflight;
		queue->stats.submit_calls++;
		ret = kaio_submit(queue->ctx, nr, queue->pending + first);
		if (ret > 0) {
			took(queue, (unsigned)ret);
			taken += (unsigned)ret;
			queue->stats.partial_submits += (unsigned)ret < nr;
		} else if (!go_on(queue, ret)) {
			break;
		}
	}
	/* From the front again, so that the next batch is not cut in two. */
	if (!pending(queue))
		queue->head = queue->tail = 0;
	return (int)taken;
}

/* Collection */

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int64_t deadline_after(int64_t timeout_ns)
{
	int64_t start;

	if (timeout_ns == 0)
		return NO_WAIT;
	if (timeout_ns == KAIO_FOREVER)
		return NO_DEADLINE;
	start = now();
	return timeout_ns < NO_DEADLINE - start ? start + timeout_ns
						: NO_DEADLINE;
}

static int64_t time_left(int64_t deadline)
{
	int64_t left;

	if (deadline == NO_WAIT || deadline == NO_DEADLINE)
		return deadline;
	left = deadline - now();
	return left > 0 ? left : 0;
}

static int io_getevents(struct kaio_queue *queue, struct kaio_event *events,
			unsigned min, unsigned max, int64_t timeout_ns)
{
	/* A time_t of 32 bits holds 68 years: more is for ever. */
	bool forever = timeout_ns / 1000000000 > INT32_MAX;
	struct timespec timeout = { 0, 0 };

	if (!forever) {
		timeout.tv_sec = (time_t)(timeout_ns / 1000000000);
		timeout.tv_nsec = (long)(timeout_ns % 1000000000);
	}
	queue->stats.getevents_calls++;
	return kaio_getevents(queue->ctx, min, max, events,
			      forever ? NULL : &timeout);
}

/*
 * The one place that takes completions from the kernel: those in the ring, and
 * if they are fewer than min, by one system call that waits for the others.
 */
static int collect(struct kaio_queue *queue, struct kaio_event *events,
		   unsigned min, unsigned max, int64_t deadline)
{
	unsigned n = 0;
	unsigned i;
	int ret;

	if (queue->ring.header) {
		n = (unsigned)kaio_ring_reap(&queue->ring, events, max);
		queue->stats.ring_reaps += n;
	}
	if (n < min || (!queue->ring.header && queue->inflight && max)) {
		ret = io_getevents(queue, events + n, min - n, max - n,
				   time_left(deadline));
		if (ret < 0 && !n)
			return ret;
		if (ret > 0)
			n += (unsigned)ret;
	}
	for (i = 0; i < n; i++)
		flight_remove(queue, (uintptr_t)events[i].obj);
	return (int)n;
}

/*
 * One round of waiting for need completions. It ends as soon as one makes room
 * for the backlog, for the caller to submit; or after RETRY_NS, where the
 * kernel has refused the backlog for want of memory. *cut: it ended by the
 * deadline or a signal.
 */
static int collect_round(struct kaio_queue *queue, struct kaio_event *events,
			 unsigned need, unsigned max, int64_t deadline,
			 bool *cut)
{
	unsigned waiting = pending(queue);
	int64_t until = deadline;
	int ret;

	if (need > (waiting ? 1 : queue->inflight))
		need = waiting ? 1 : queue->inflight;
	if (need && waiting && queue->inflight < queue->depth &&
	    time_left(deadline) > RETRY_NS)
		until = now() + RETRY_NS;
	ret = collect(queue, events, need, max, until);
	*cut = ret < (int)need && until == deadline;
	if (ret == -EINVAL && context_is_gone(queue)) {
		*cut = false;
		fail_all(queue);
		return 0;
	}
	return ret;
}

static int gather(struct kaio_queue *queue, struct kaio_event *events,
		  unsigned min, unsigned max, int64_t deadline)
{
	unsigned n = 0;
	bool cut = false;

	submit(queue);
	do {
		int ret;

		n += take_done(queue, events + n, max - n);
		ret = collect_round(queue, events + n, n < min ? min - n : 0,
				    max - n, deadline, &cut);
		if (ret < 0) {
			queue->stats.completed += n;
			return n ? (int)n : ret;
		}
		n += (unsigned)ret;
		submit(queue);
		n += take_done(queue, events + n, max - n);
	} while (n < min && !cut && (queue->inflight || pending(queue)));
	queue->stats.completed += n;
	return (int)n;
}

/* Creation */

static unsigned power_of_2(uint64_t at_least)
{
	unsigned power = 1;

	while (power < at_least)
		power *= 2;
	return power;
}

static bool ring_is_wanted(uint32_t flags)
{
	const char *no_ring = getenv("KAIO_NO_RING");
	/*
	 * Valgrind learns that a buffer was filled from io_getevents. This is
	 * how it gets into the process.
	 */
	const char *preload = getenv("LD_PRELOAD");

	return !(flags & KAIO_QUEUE_NO_RING) &&
	       !(no_ring && *no_ring && strcmp(no_ring, "0") != 0) &&
	       !(preload && strstr(preload, "vgpreload_"));
}

static int check_params(unsigned depth, const struct kaio_queue_params *params)
{
	const size_t reserved =
		sizeof(params->reserved) / sizeof(*params->reserved);
	size_t i;

	if (params->flags & ~(uint32_t)KAIO_QUEUE_NO_RING)
		return -EINVAL;
	for (i = 0; i < reserved; i++)
		if (params->reserved[i])
			return -EINVAL;
	if ((uint64_t)depth + params->backlog > INT_MAX)
		return -EINVAL;
	return 0;
}

/* One mapping for the queue and its arrays, that a child finds wiped. */
static struct kaio_queue *map_queue(unsigned depth, unsigned capacity)
{
	unsigned slots = power_of_2(capacity);
	unsigned entries = power_of_2((uint64_t)depth * 2);
	uint64_t done = (sizeof(struct kaio_queue) + 63) / 64 * 64;
	uint64_t pending = done + (uint64_t)slots * sizeof(struct kaio_event);
	uint64_t flight = pending + (uint64_t)slots * sizeof(void *);
	uint64_t size = flight + (uint64_t)entries * sizeof(void *);
	struct kaio_queue *queue;
	char *memory;

	if (size > SIZE_MAX / 2)
		return NULL;
	memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	queue = (struct kaio_queue *)memory;
	queue->owner = getpid();
	if (madvise(memory, (size_t)size, MADV_WIPEONFORK) == 0)
		queue->owner = WIPED_BY_FORK;
	queue->depth = depth;
	queue->capacity = capacity;
	queue->done = (struct kaio_event *)(memory + done);
	queue->pending = (struct kaio_iocb **)(memory + pending);
	queue->flight = (struct kaio_iocb **)(memory + flight);
	queue->mask = slots - 1;
	queue->flight_mask = entries - 1;
	queue->mapped = (size_t)size;
	return queue;
}

int kaio_queue_create(struct kaio_queue **queue, unsigned depth,
		      const struct kaio_queue_params *params)
{
	const struct kaio_queue_params defaults = { 0 };
	struct kaio_queue *new;
	int saved = errno;
	int ret;

	if (!params)
		params = &defaults;
	if (!queue)
		return -EINVAL;
	ret = check_params(depth, params);
	if (ret < 0)
		return ret;
	new = map_queue(depth, depth + params->backlog);
	errno = saved;
	if (!new)
		return -ENOMEM;
	ret = kaio_setup(depth, &new->ctx);
	if (ret < 0) {
		munmap(new, new->mapped);
		return ret;
	}
	if (!ring_is_wanted(params->flags) ||
	    kaio_ring_attach(&new->ring, new->ctx) < 0)
		new->ring.header = NULL;
	*queue = new;
	return 0;
}

int kaio_queue_destroy(struct kaio_queue *queue)
{
	int ret = check(queue);

	if (!queue)
		return 0;
	if (ret < 0)
		return ret;
	kaio_destroy(queue->ctx);
	munmap(queue, queue->mapped);
	return 0;
}

int kaio_queue_push(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	int ret = check(queue);

	if (ret < 0)
		return ret;
	if (!iocb)
		return -EINVAL;
	if (queue->stats.pushed - queue->stats.completed >= queue->capacity)
		return -ENOBUFS;
	queue->pending[queue->tail++ & queue->mask] = iocb;
	queue->stats.pushed++;
	return 0;
}

int kaio_queue_submit(struct kaio_queue *queue)
{
	int ret = check(queue);

	return ret < 0 ? ret : submit(queue);
}

int kaio_queue_reap(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned max)
{
	return kaio_queue_wait(queue, events, 0, max, 0);
}

int kaio_queue_wait(struct kaio_queue *queue, struct kaio_event *events,
		    unsigned min, unsigned max, int64_t timeout_ns)
{
	int ret = check(queue);

	if (ret < 0)
		return ret;
	if ((!events && max) || min > max || max > INT_MAX ||
	    timeout_ns < KAIO_FOREVER)
		return -EINVAL;
	return gather(queue, events, timeout_ns ? min : 0, max,
		      deadline_after(timeout_ns));
}

int kaio_queue_cancel(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	struct kaio_event unused;
	int ret = check(queue);
	unsigned i;

	if (ret < 0)
		return ret;
	if (!iocb)
		return -EINVAL;
	for (i = queue->head; i != queue->tail; i++) {
		if (queue->pending[i & queue->mask] != iocb)
			continue;
		for (queue->tail--; i != queue->tail; i++)
			queue->pending[i & queue->mask] =
				queue->pending[(i + 1) & queue->mask];
		complete(queue, iocb, -ECANCELED);
		queue->stats.canceled++;
		return 0;
	}
	if (!flight_find(queue, (uintptr_t)iocb))
		return -ENOENT;
	queue->stats.cancel_calls++;
	ret = kaio_cancel(queue->ctx, iocb, &unused);
	return ret == -EINPROGRESS ? 0 : -EBUSY;
}

int kaio_queue_drain(struct kaio_queue *queue, int64_t timeout_ns)
{
	int ret = check(queue);
	int64_t deadline;
	bool cut = false;

	if (ret < 0)
		return ret;
	if (timeout_ns < KAIO_FOREVER)
		return -EINVAL;
	deadline = deadline_after(timeout_ns);
	submit(queue);
	while (queue->inflight || pending(queue)) {
		/* done has room for all that is outstanding, as said above. */
		unsigned first = queue->done_tail & queue->mask;
		unsigned max = queue->mask + 1 - first;

		if (cut)
			return time_left(deadline) ? -EINTR : -ETIMEDOUT;
		if (max > queue->inflight)
			max = queue->inflight ? queue->inflight : 1;
		ret = collect_round(queue, queue->done + first, max, max,
				    deadline, &cut);
		if (ret < 0)
			return ret;
		queue->done_tail += (unsigned)ret;
		submit(queue);
	}
	return 0;
}

unsigned kaio_queue_inflight(const struct kaio_queue *queue)
{
	return check(queue) < 0 ? 0 : queue->inflight;
}

unsigned kaio_queue_backlog(const struct kaio_queue *queue)
{
	return check(queue) < 0 ? 0 : pending(queue);
}

unsigned kaio_queue_depth(const struct kaio_queue *queue)
{
	return check(queue) < 0 ? 0 : queue->depth;
}

void kaio_queue_stats(const struct kaio_queue *queue,
		      struct kaio_queue_stats *stats)
{
	const struct kaio_queue_stats none = { 0 };

	*stats = check(queue) < 0 ? none : queue->stats;
}
