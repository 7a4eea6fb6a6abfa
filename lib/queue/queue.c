/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The queue's life, and those of its calls that neither submit nor collect. */
#include "environment.h"
#include "queue.h"
#include "spin.h"

#include <kaio/prep.h>

#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

/* More is -EINVAL in the kernel: ioctx_alloc(). */
#define DEPTH_MAX 4194304

/* So that the line seldom meets the end of its memory. */
#define LINE_MIN 256

#define KNOWN_FLAGS                                                  \
	(KAIO_QUEUE_NO_RING | KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD | \
	 KAIO_QUEUE_SHARED | KAIO_QUEUE_SHRINK)

static unsigned power_of_2(uint64_t at_least)
{
	unsigned power = 1;

	while (power < at_least)
		power *= 2;
	return power;
}

static int check_params(unsigned depth, const struct kaio_queue_params *params)
{
	const size_t reserved =
		sizeof(params->reserved) / sizeof(*params->reserved);
	size_t i;

	if (depth < 1 || depth > DEPTH_MAX)
		return -EINVAL;
	if (params->flags & ~(uint32_t)KNOWN_FLAGS || params->spin_ns < -1)
		return -EINVAL;
	for (i = 0; i < reserved; i++)
		if (params->reserved[i])
			return -EINVAL;
	if ((uint64_t)depth + params->backlog > INT_MAX)
		return -EINVAL;
	return 0;
}

/* One mapping for the queue and its arrays, that a child finds wiped. */
__attribute__((cold)) static struct kaio_queue *map_queue(unsigned depth,
							  unsigned capacity)
{
	unsigned slots = power_of_2(capacity);
	unsigned entries = power_of_2((uint64_t)depth * 2);
	uint64_t places = (uint64_t)slots * 2 + LINE_MIN;
	uint64_t done = (sizeof(struct kaio_queue) + 63) / 64 * 64;
	uint64_t line = done + (uint64_t)slots * sizeof(struct kaio_event);
	uint64_t strays = line + places * sizeof(void *);
	uint64_t size = strays + (uint64_t)entries * sizeof(void *);
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
	queue->line = (struct kaio_iocb **)(memory + line);
	queue->line_end = queue->line + places;
	queue->first = queue->head = queue->room.next = queue->line;
	queue->strays.entries = (struct kaio_iocb **)(memory + strays);
	queue->done_mask = slots - 1;
	queue->strays.mask = entries - 1;
	queue->mapped = (size_t)size;
	return queue;
}

static int open_eventfd(int *fd)
{
	int saved = errno;
	int ret = 0;

	*fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (*fd < 0) {
		ret = -errno;
		errno = saved;
	}
	return ret;
}

static void close_eventfd(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

/* Everything but the context and the mapping. */
static int open_files(struct kaio_queue *queue)
{
	int ret = 0;

	if (queue->flags & KAIO_QUEUE_EVENTFD)
		ret = open_eventfd(&queue->eventfd);
	if (ret == 0 && queue->flags & (KAIO_QUEUE_WAKE | KAIO_QUEUE_SHARED))
		ret = open_eventfd(&queue->bell_fd);
	return ret;
}

static int set_up(struct kaio_queue *queue)
{
	unsigned bells = queue->bell_fd >= 0;
	int ret;

	for (;;) {
		ret = kaio_setup(queue->depth + bells, &queue->ctx);
		if (ret != -EAGAIN || queue->depth == 1 ||
		    !(queue->flags & KAIO_QUEUE_SHRINK))
			break;
		queue->depth /= 2;
	}
	if (ret < 0 || !bells)
		return ret;
	ret = kaio_queue_arm_bell(queue);
	/* Before Linux 4.19 there are no polls. */
	return ret == -EINVAL ? -ENOTSUP : ret;
}

static void close_all(struct kaio_queue *queue)
{
	if (queue->ctx)
		kaio_destroy(queue->ctx);
	close_eventfd(queue->eventfd);
	close_eventfd(queue->bell_fd);
	munmap(queue, queue->mapped);
}

__attribute__((cold)) int
kaio_queue_create(struct kaio_queue **queue, unsigned depth,
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
	new->flags = params->flags;
	new->luck.always = params->spin_ns;
	new->spin_ns = params->spin_ns ? params->spin_ns : SPIN_NS;
	if (new->spin_ns < 0)
		new->spin_ns = 0;
	if (new->spin_ns > NO_DEADLINE / 2)
		new->spin_ns = NO_DEADLINE / 2;
	new->eventfd = new->bell_fd = -1;
	pthread_mutex_init(&new->lock, NULL);
	ret = open_files(new);
	if (ret == 0)
		ret = set_up(new);
	if (ret < 0) {
		close_all(new);
		return ret;
	}
	new->capacity = new->depth + params->backlog;
	new->plain = new->owner == WIPED_BY_FORK &&
		     !(new->flags &(KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD |
				    KAIO_QUEUE_SHARED));
	if (new->plain)
		new->room.end = new->line + new->capacity;
	if (params->flags & KAIO_QUEUE_NO_RING || !environment_allows_ring() ||
	    kaio_ring_attach(&new->ring, new->ctx) < 0)
		new->ring.header = NULL;
	*queue = new;
	return 0;
}

int kaio_queue_destroy(struct kaio_queue *queue)
{
	struct queue_guest *guest;
	int ret = queue_check(queue);

	if (!queue)
		return 0;
	if (ret < 0)
		return ret;
	guest = queue->guest;
	pthread_mutex_destroy(&queue->lock);
	close_all(queue);
	if (guest)
		guest->end(guest);
	return 0;
}

int kaio_queue_enter(struct kaio_queue *queue)
{
	int ret = queue_check(queue);

	if (ret == 0)
		queue_lock(queue);
	return ret;
}

void kaio_queue_leave(struct kaio_queue *queue)
{
	queue_notify(queue);
	queue_unlock(queue);
}

/* The counters are read under the lock, which const does not know. */
static int enter_to_read(const struct kaio_queue *queue)
{
	return queue_enter((struct kaio_queue *)(uintptr_t)queue);
}

static void leave_after_reading(const struct kaio_queue *queue)
{
	queue_unlock((struct kaio_queue *)(uintptr_t)queue);
}

unsigned kaio_queue_inflight(const struct kaio_queue *queue)
{
	unsigned nr;

	if (enter_to_read(queue) < 0)
		return 0;
	nr = queue_in_flight(queue);
	leave_after_reading(queue);
	return nr;
}

unsigned kaio_queue_backlog(const struct kaio_queue *queue)
{
	unsigned nr;

	if (enter_to_read(queue) < 0)
		return 0;
	nr = queue_pending(queue);
	leave_after_reading(queue);
	return nr;
}

unsigned kaio_queue_depth(const struct kaio_queue *queue)
{
	return queue_check(queue) < 0 ? 0 : queue->depth;
}

__attribute__((cold)) void kaio_queue_stats(const struct kaio_queue *queue,
					    struct kaio_queue_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (enter_to_read(queue) < 0)
		return;
	*stats = queue->stats;
	stats->ring_reaps =
		stats->submitted - queue_in_flight(queue) - queue->not_by_ring;
	stats->pushed = stats->submitted + stats->rejected + stats->canceled +
			queue_pending(queue);
	stats->completed = stats->pushed - queue_pending(queue) -
			   queue_in_flight(queue) - queue_done(queue);
	leave_after_reading(queue);
}
