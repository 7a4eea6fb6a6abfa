/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * From pending to the kernel: the one place that decides what the result of an
 * io_submit means. Each turn takes an operation from pending or stops, so that
 * it ends.
 */
#include "call.h"
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
	queue->done[queue->done_tail++ & queue->done_mask] =
		(struct kaio_event){
			.data = iocb->data,
			.obj = (uintptr_t)iocb,
			.res = error,
		};
	signal_eventfd(iocb);
}

void kaio_queue_scatter(struct kaio_queue *queue)
{
	while (queue->first < queue->head)
		strays_add(&queue->strays, *queue->first++);
}

void kaio_queue_land(struct kaio_queue *queue, uint64_t iocb)
{
	if (queue->first < queue->head && (uintptr_t)*queue->first == iocb) {
		queue->first++;
		return;
	}
	kaio_queue_scatter(queue);
	strays_remove(&queue->strays, iocb);
}

/* It leaves no gap in the line behind those that are in flight. */
static void reject_head(struct kaio_queue *queue, int error)
{
	kaio_queue_scatter(queue);
	queue->first++;
	kaio_queue_complete(queue, *queue->head++, error);
	queue->stats.rejected++;
	queue->refusals = 0;
}

bool kaio_queue_fail_if_dead(struct kaio_queue *queue)
{
	struct kaio_iocb **entry = queue->strays.entries;

	queue->stats.submit_calls++;
	if (kaio_submit(queue->ctx, 0, NULL) != -EINVAL)
		return false;
	queue->ring.header = NULL;
	kaio_queue_scatter(queue);
	for (; queue->strays.nr; entry++) {
		if (!*entry)
			continue;
		kaio_queue_complete(queue, *entry, -EINVAL);
		*entry = NULL;
		queue->strays.nr--;
		queue->not_by_ring++;
	}
	while (queue_pending(queue))
		reject_head(queue, -EINVAL);
	return true;
}

/*
 * What an io_submit that took nothing means: true to go on with the head, which
 * is another or worth another try at once; false to stop.
 */
__attribute__((cold)) static bool go_on(struct kaio_queue *queue, int error)
{
	switch (error) {
	case 0: /* no kernel does that; as good as -EAGAIN */
	case -EAGAIN:
		queue->stats.eagains++;
		error = -EAGAIN;
		/* Room comes with the next completion that is collected. */
		if (queue_in_flight(queue))
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
	if (++queue->refusals < PATIENCE) {
		/* No completion will, and somebody has to try again. */
		if (queue->eventfd >= 0 && !queue_in_flight(queue))
			kaio_queue_raise_eventfd(queue);
		return error == -EINTR;
	}
	reject_head(queue, error);
	return true;
}

/* After a partial count the rest goes in at once: its head's error then shows.
 */
int kaio_queue_hand_over_rest(struct kaio_queue *queue, long nr, long ret,
			      int saved)
{
	int taken = 0;

	for (;;) {
		if (ret > 0) {
			queue_took(queue, ret);
			taken += (int)ret;
			queue->stats.partial_submits += ret < nr;
		} else if (!go_on(queue, call_result(ret, saved))) {
			break;
		}
		nr = queue_ready_to_go(queue);
		if (!nr)
			break;
		ret = queue_io_submit(queue, nr);
	}
	return taken;
}

int kaio_queue_hand_over(struct kaio_queue *queue)
{
	return queue_hand_over_here(queue);
}

int kaio_queue_submit(struct kaio_queue *queue)
{
	int ret = queue_enter(queue);

	if (ret < 0)
		return ret;
	ret = queue_hand_over_here(queue);
	queue_leave(queue);
	return ret;
}
