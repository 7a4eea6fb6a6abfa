/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "threads.h"

#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "queue/queue.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>

struct kaio_queue *threads_queue(uint32_t flags, unsigned depth,
				 unsigned backlog, int64_t spin_ns)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = backlog,
						  .spin_ns = spin_ns };
	struct kaio_queue *queue;

	ck_assert_ok(kaio_queue_create(&queue, depth, &params));
	return queue;
}

static void *wait_for_one(void *argument)
{
	struct waiter *waiter = argument;
	struct kaio_queue *queue = waiter->queue;

	switch (waiter->way) {
	case BY_WAIT:
		waiter->ret = kaio_queue_wait(queue, &waiter->event, 1, 1,
					      KAIO_FOREVER);
		break;
	case BY_RUN:
		waiter->ret = kaio_queue_run(queue, 1, KAIO_FOREVER);
		break;
	case BY_DRAIN:
		waiter->ret = kaio_queue_drain(queue, KAIO_FOREVER);
		break;
	default:
		waiter->ret =
			kaio_transfer_wait(waiter->transfer, KAIO_FOREVER);
	}
	return NULL;
}

void threads_start(struct waiter *waiter, struct kaio_queue *queue,
		   enum way way)
{
	waiter->queue = queue;
	waiter->way = way;
	waiter->transfer = NULL;
	if (way == BY_TRANSFER_WAIT) {
		ck_assert_ok(kaio_transfer_create(&waiter->transfer, queue, 1,
						  NULL));
		fixture_endless(kaio_transfer_iocb(waiter->transfer, 0));
		ck_assert_ok(kaio_transfer_post(waiter->transfer));
	}
	ck_assert_ok(
		pthread_create(&waiter->thread, NULL, wait_for_one, waiter));
}

void threads_join(struct waiter *waiter)
{
	void *result;

	ck_assert_ok(pthread_join(waiter->thread, &result));
	waiter->cancelled = result == PTHREAD_CANCELED;
}

static bool is_readable(int fd)
{
	struct pollfd readable = { fd, POLLIN, 0 };

	return poll(&readable, 1, 0) == 1;
}

/* With the lock. */
static bool is_asleep(struct kaio_queue *queue, unsigned nr)
{
	struct kaio_ring ring;

	return queue->waiters + 1 == nr && queue->in_kernel &&
	       queue->wakeup_armed && !queue->wakeup_signaled &&
	       !__atomic_load_n(&queue->woken, __ATOMIC_ACQUIRE) &&
	       !is_readable(queue->wakeup_fd) &&
	       (kaio_ring_attach(&ring, queue->ctx) < 0 ||
		!kaio_ring_ready(&ring)) &&
	       faults_sleepers() == 1;
}

static bool is_spinning(struct kaio_queue *queue, unsigned nr)
{
	(void)nr;
	return queue->reaper && !queue->in_kernel;
}

static void until(bool (*is_so)(struct kaio_queue *queue, unsigned nr),
		  struct kaio_queue *queue, unsigned nr)
{
	for (;;) {
		bool so;

		queue_lock(queue);
		so = is_so(queue, nr);
		queue_unlock(queue);
		if (so)
			break;
		sched_yield();
	}
}

void threads_sleep(struct kaio_queue *queue, unsigned nr)
{
	until(is_asleep, queue, nr);
}

void threads_spin(struct kaio_queue *queue)
{
	until(is_spinning, queue, 0);
}

void threads_push_poll(struct kaio_queue *queue, struct kaio_op *op)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	kaio_prep_poll(&op->iocb, fd, POLLIN);
	ck_assert_ok(kaio_queue_push(queue, &op->iocb));
	ck_assert_int_eq(kaio_queue_submit(queue), 1);
}

void threads_end_poll(const struct kaio_op *op)
{
	ck_assert_ok(eventfd_write((int)op->iocb.fildes, 1));
}
