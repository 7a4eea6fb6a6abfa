/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue's life, and those of its calls that neither submit nor collect. */
#include "queue.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* More is -EINVAL in the kernel: ioctx_alloc(). */
#define DEPTH_MAX 4194304

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
	const char *preload = getenv("LD_PRELOAD");

	if (flags & KAIO_QUEUE_NO_RING)
		return false;
	if (no_ring && *no_ring)
		return strcmp(no_ring, "0") == 0;
	/*
	 * Valgrind learns from io_getevents that a buffer has been filled. This
	 * is how it gets into the process.
	 */
	return !(preload && strstr(preload, "vgpreload_"));
}

static int check_params(unsigned depth, const struct kaio_queue_params *params)
{
	const size_t reserved =
		sizeof(params->reserved) / sizeof(*params->reserved);
	size_t i;

	if (depth < 1 || depth > DEPTH_MAX)
		return -EINVAL;
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
	queue->flight.entries = (struct kaio_iocb **)(memory + flight);
	queue->mask = slots - 1;
	queue->flight.mask = entries - 1;
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
	int ret = queue_check(queue);

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
	int ret = queue_check(queue);

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

int kaio_queue_cancel(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	struct kaio_event unused;
	int ret = queue_check(queue);
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
		kaio_queue_complete(queue, iocb, -ECANCELED);
		queue->stats.canceled++;
		return 0;
	}
	if (!flight_find(&queue->flight, (uintptr_t)iocb))
		return -ENOENT;
	queue->stats.cancel_calls++;
	ret = kaio_cancel(queue->ctx, iocb, &unused);
	return ret == -EINPROGRESS ? 0 : -EBUSY;
}

unsigned kaio_queue_inflight(const struct kaio_queue *queue)
{
	return queue_check(queue) < 0 ? 0 : queue->flight.nr;
}

unsigned kaio_queue_backlog(const struct kaio_queue *queue)
{
	return queue_check(queue) < 0 ? 0 : queue_pending(queue);
}

unsigned kaio_queue_depth(const struct kaio_queue *queue)
{
	return queue_check(queue) < 0 ? 0 : queue->depth;
}

void kaio_queue_stats(const struct kaio_queue *queue,
		      struct kaio_queue_stats *stats)
{
	const struct kaio_queue_stats none = { 0 };

	*stats = queue_check(queue) < 0 ? none : queue->stats;
}
