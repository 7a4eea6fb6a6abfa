/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * From pending to the kernel: the one place that decides what the result of an
 * io_submit means. Each turn takes an operation from pending or stops, so that
 * it ends.
 */
#include "queue.h"

#include <poll.h>
#include <sys/stat.h>

/* How often an operation is tried for which the kernel has no memory. */
#define PATIENCE 32

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

void kaio_queue_complete(struct kaio_queue *queue, const struct kaio_iocb *iocb,
			 int error)
{
	queue->done[queue->done_tail++ & queue->mask] = (struct kaio_event){
		.data = iocb->data,
		.obj = (uintptr_t)iocb,
		.res = error,
	};
	signal_eventfd(iocb);
}

static void reject_head(struct kaio_queue *queue, int error)
{
	kaio_queue_complete(queue, queue->pending[queue->head++ & queue->mask],
			    error);
	queue->stats.rejected++;
	queue->refusals = 0;
}

bool kaio_queue_fail_if_dead(struct kaio_queue *queue)
{
	struct kaio_iocb **entry = queue->flight.entries;

	queue->stats.submit_calls++;
	if (kaio_submit(queue->ctx, 0, NULL) != -EINVAL)
		return false;
	queue->ring.header = NULL;
	for (; queue->flight.nr; entry++) {
		if (!*entry)
			continue;
		kaio_queue_complete(queue, *entry, -EINVAL);
		*entry = NULL;
		queue->flight.nr--;
	}
	while (queue_pending(queue))
		reject_head(queue, -EINVAL);
	return true;
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
		if (queue->flight.nr)
			return false;
		break;
	case -EINTR:
	case -ENOMEM:
		break;
	case -EINVAL:
		if (kaio_queue_fail_if_dead(queue))
			return false;
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
		flight_add(&queue->flight,
			   queue->pending[queue->head++ & queue->mask]);
}

/* After a partial count the rest goes in at once: its head's error then shows.
 */
int kaio_queue_hand_over(struct kaio_queue *queue)
{
	unsigned taken = 0;

	while (queue_pending(queue) && queue->flight.nr < queue->depth) {
		unsigned first = queue->head & queue->mask;
		unsigned nr = queue->mask + 1 - first;
		int ret;

		if (nr > queue_pending(queue))
			nr = queue_pending(queue);
		if (nr > queue->depth - queue->flight.nr)
			nr = queue->depth - queue->flight.nr;
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
	if (!queue_pending(queue))
		queue->head = queue->tail = 0;
	return (int)taken;
}

int kaio_queue_submit(struct kaio_queue *queue)
{
	int ret = queue_enter(queue);

	if (ret < 0)
		return ret;
	ret = kaio_queue_hand_over(queue);
	queue_leave(queue);
	return ret;
}
