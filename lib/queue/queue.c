/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Creating and destroying a queue, and its counters. */
#include "queue/queue.h"

#include "deadline.h"
#include "environment.h"
#include "queue/submit.h"
#include "queue/wakeup.h"

#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

/* More is -EINVAL in the kernel: ioctx_alloc(). */
#define DEPTH_MAX 4194304

/* So that pending operations are seldom moved. */
#define SLOTS_MIN 256

#define KNOWN_FLAGS                                                  \
	(KAIO_QUEUE_NO_RING | KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD | \
	 KAIO_QUEUE_SHARED | KAIO_QUEUE_SHRINK)

static int check_params(unsigned depth, const struct kaio_queue_params *params)
{
	const struct kaio_queue_params zeros = { 0 };

	if (depth < 1 || depth > DEPTH_MAX)
		return -EINVAL;
	if (params->flags & ~(uint32_t)KNOWN_FLAGS || params->spin_ns < 0)
		return -EINVAL;
	if (memcmp(params->reserved, zeros.reserved, sizeof(zeros.reserved)) !=
	    0)
		return -EINVAL;
	return (uint64_t)depth + params->backlog > INT_MAX ? -EINVAL : 0;
}

/* One mapping for the queue and its arrays, that a child finds wiped. */
__attribute__((cold)) static struct kaio_queue *map_queue(unsigned capacity)
{
	/* A power of 2. Two more than capacity: for one that was cancelled, and
	 * the wakeup's while it is looked at. */
	uint64_t events = UINT64_C(2) << (31 - __builtin_clz(capacity + 1));
	uint64_t nr_slots = events * 2 + SLOTS_MIN;
	uint64_t done = (sizeof(struct kaio_queue) + 63) / 64 * 64;
	uint64_t slots = done + events * sizeof(struct kaio_event);
	uint64_t size = slots + nr_slots * sizeof(struct kaio_iocb *);
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
	queue->done = (struct kaio_event *)(memory + done);
	queue->done_mask = (unsigned)(events - 1);
	queue->slots = (struct kaio_iocb **)(memory + slots);
	queue->slots_end = queue->slots + nr_slots;
	queue->head = queue->tail = queue->slots;
	queue->mapped = (size_t)size;
	return queue;
}

static int open_eventfd(bool wanted, int *fd)
{
	if (wanted)
		*fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return wanted && *fd < 0 ? -errno : 0;
}

static int set_up_context(struct kaio_queue *queue)
{
	unsigned wakeups = queue->wakeup_fd >= 0;
	int ret;

	for (;;) {
		ret = kaio_setup(queue->depth + wakeups, &queue->ctx);
		if (ret != -EAGAIN || queue->depth == 1 ||
		    !(queue->flags & KAIO_QUEUE_SHRINK))
			break;
		queue->depth /= 2;
	}
	if (ret < 0 || !wakeups)
		return ret;
	ret = kaioq_arm_wakeup(queue);
	/* Before Linux 4.19 there are no polls. */
	return ret == -EINVAL ? -ENOTSUP : ret;
}

/* Threads that wait sleep until a time of CLOCK_MONOTONIC. */
static void init_lock(struct kaio_queue *queue)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&queue->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

/* All but the context. close(2) is a cancellation point. */
static void free_queue(struct kaio_queue *queue)
{
	int cancelstate;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelstate);
	if (queue->eventfd >= 0)
		close(queue->eventfd);
	if (queue->wakeup_fd >= 0)
		close(queue->wakeup_fd);
	pthread_setcancelstate(cancelstate, NULL);
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->lock);
	munmap(queue, queue->mapped);
}

static int create(struct kaio_queue **queue, unsigned depth,
		  const struct kaio_queue_params *params)
{
	struct kaio_queue *new = map_queue(depth + params->backlog);
	int ret;

	if (!new)
		return -ENOMEM;
	new->depth = depth;
	new->flags = params->flags;
	new->spin_ns = params->spin_ns < NO_DEADLINE / 2 ? params->spin_ns
							 : NO_DEADLINE / 2;
	new->eventfd = new->wakeup_fd = -1;
	init_lock(new);
	ret = open_eventfd(new->flags &KAIO_QUEUE_EVENTFD, &new->eventfd);
	if (ret == 0)
		ret = open_eventfd(
			new->flags &(KAIO_QUEUE_WAKE | KAIO_QUEUE_SHARED),
			&new->wakeup_fd);
	if (ret == 0)
		ret = set_up_context(new);
	if (ret < 0) {
		if (new->ctx)
			kaio_destroy(new->ctx);
		free_queue(new);
		return ret;
	}
	new->capacity = new->depth + params->backlog;
	new->fast = new->owner == WIPED_BY_FORK &&
		    !(new->flags &(KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD |
				   KAIO_QUEUE_SHARED));
	if (new->fast)
		new->push_end = new->slots + new->capacity;
	if (params->flags & KAIO_QUEUE_NO_RING || !environment_allows_ring() ||
	    kaio_ring_attach(&new->ring, new->ctx) < 0)
		new->ring.header = NULL;
	*queue = new;
	return 0;
}

__attribute__((cold)) int
kaio_queue_create(struct kaio_queue **queue, unsigned depth,
		  const struct kaio_queue_params *params)
{
	const struct kaio_queue_params defaults = { 0 };
	int saved = errno;
	int ret;

	if (!params)
		params = &defaults;
	if (!queue)
		return -EINVAL;
	ret = check_params(depth, params);
	if (ret == 0)
		ret = create(queue, depth, params);
	errno = saved;
	return ret;
}

int kaio_queue_destroy(struct kaio_queue *queue)
{
	int ret = queue_check(queue);
	int saved = errno;

	if (!queue)
		return 0;
	if (ret < 0)
		return ret;
	ret = kaio_destroy(queue->ctx);
	/* -EINVAL: somebody else has destroyed it before. */
	if (ret < 0 && ret != -EINVAL)
		return ret;
	if (queue->client.end)
		queue->client.end(queue);
	free_queue(queue);
	errno = saved;
	return 0;
}

int kaioq_enter(struct kaio_queue *queue)
{
	int ret = queue_check(queue);

	if (ret < 0)
		return ret;
	queue_lock(queue);
	if (!queue->gone)
		return 0;
	queue_unlock(queue);
	return -EINVAL;
}

/* Slots that a thread leaves free are for another's transfers. */
void kaioq_leave(struct kaio_queue *queue)
{
	if (queue->flags & KAIO_QUEUE_SHARED && queue_has_waiting(queue)) {
		unsigned outstanding = queue_outstanding(queue);

		queue->client.push_waiting(queue);
		if (queue_outstanding(queue) != outstanding)
			kaioq_submit(queue);
	}
	kaioq_notify(queue, true);
}

static unsigned count(const struct kaio_queue *queue, bool in_kernel)
{
	unsigned nr;

	if (queue_check(queue) < 0)
		return 0;
	queue_lock(queue);
	nr = in_kernel ? queue->inflight : queue_pending(queue);
	queue_unlock(queue);
	return nr;
}

unsigned kaio_queue_inflight(const struct kaio_queue *queue)
{
	return count(queue, true);
}

unsigned kaio_queue_backlog(const struct kaio_queue *queue)
{
	return count(queue, false);
}

unsigned kaio_queue_depth(const struct kaio_queue *queue)
{
	return queue_check(queue) < 0 ? 0 : queue->depth;
}

__attribute__((cold)) void kaio_queue_stats(const struct kaio_queue *queue,
					    struct kaio_queue_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (queue_check(queue) < 0)
		return;
	queue_lock(queue);
	*stats = queue->stats;
	stats->ring_reaps =
		stats->submitted - queue->inflight - queue->reaped_by_syscall;
	stats->pushed = stats->submitted + stats->rejected + stats->canceled +
			queue_pending(queue);
	stats->completed = stats->pushed - queue_pending(queue) -
			   queue->inflight - queue_done(queue);
	queue_unlock(queue);
}
