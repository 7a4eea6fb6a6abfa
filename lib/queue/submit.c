/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * From pending to the kernel: the one place that decides what the result of an
 * io_submit means. Each turn takes an operation from pending or stops, so that
 * it ends.
 */
#include "queue/submit.h"

#include "call.h"
#include "queue/wakeup.h"

#include <poll.h>
#include <sys/stat.h>

/* How often an operation is tried for which the kernel has no memory. */
#define RETRY_MAX 32

/*
 * What aio_complete() would have done for the operation's eventfd. The kernel
 * may have refused the operation because resfd is no eventfd, and into any
 * other file 8 bytes must not go: only an anonymous inode has no type, and of
 * those only an eventfd takes them. A full counter is readable already.
 */
static void signal_resfd(const struct kaio_iocb *iocb)
{
	struct pollfd resfd = { (int)iocb->resfd, POLLOUT, 0 };
	int saved = errno;
	struct stat status;
	int cancelstate;

	/* poll(2) is a cancellation point. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelstate);
	if (fstat(resfd.fd, &status) == 0 && !(status.st_mode & S_IFMT) &&
	    poll(&resfd, 1, 0) == 1 && resfd.revents == POLLOUT)
		eventfd_raise(resfd.fd);
	pthread_setcancelstate(cancelstate, NULL);
	errno = saved;
}

void kaioq_complete(struct kaio_queue *queue, const struct kaio_iocb *iocb,
		    int error)
{
	if (error == -ECANCELED)
		queue->stats.canceled++;
	else
		queue->stats.rejected++;
	queue->done[queue->done_tail++ & queue->done_mask] =
		(struct kaio_event){
			.data = iocb->data,
			.obj = (uintptr_t)iocb,
			.res = error,
		};
	/* The queue's own is raised by kaioq_notify(). */
	if (iocb->flags & KAIO_IOCB_RESFD && (int)iocb->resfd != queue->eventfd)
		signal_resfd(iocb);
}

static void reject_head(struct kaio_queue *queue, int error)
{
	kaioq_complete(queue, *queue->head++, error);
	queue->retries = 0;
}

bool kaioq_is_gone(struct kaio_queue *queue)
{
	queue->stats.submit_calls++;
	if (kaio_submit(queue->ctx, 0, NULL) != -EINVAL)
		return false;
	queue->ring.header = NULL;
	queue->gone = true;
	queue->fast = false;
	queue->push_end = NULL;
	return true;
}

/*
 * What an io_submit that took nothing means: true to go on with the head, which
 * is another or worth another try at once; false to stop.
 */
__attribute__((cold)) static bool retry(struct kaio_queue *queue, int error)
{
	bool idle = !queue->inflight;

	switch (error) {
	case 0: /* no kernel does that; as good as -EAGAIN */
	case -EAGAIN:
		queue->stats.eagains++;
		error = -EAGAIN;
		/* There may be room with the next completion. */
		if (!idle)
			return false;
		break;
	case -EINTR:
	case -ENOMEM:
		break;
	case -EINVAL:
		if (kaioq_is_gone(queue))
			return false;
		/* fall through */
	default:
		reject_head(queue, error);
		return true;
	}
	if (++queue->retries < RETRY_MAX)
		return error == -EINTR;
	reject_head(queue, error);
	return true;
}

/* After a partial count the rest is submitted at once: the error of its head
 * then shows. */
int kaioq_submit_rest(struct kaio_queue *queue, long nr, long ret, int saved)
{
	int accepted = 0;

	for (;;) {
		if (ret > 0) {
			queue_accepted(queue, ret);
			accepted += (int)ret;
			queue->stats.partial_submits += ret < nr;
		} else if (!retry(queue, call_result(ret, saved))) {
			break;
		}
		nr = queue_fitting(queue);
		if (!nr)
			return accepted;
		ret = queue_io_submit(queue, nr);
	}
	/* No completion may tell an event loop or the reaper to try again. */
	if (queue->eventfd >= 0)
		kaioq_raise_eventfd(queue);
	if (queue->reaper)
		kaioq_wake_reaper(queue);
	return accepted;
}

int kaioq_submit(struct kaio_queue *queue)
{
	return queue_submit(queue);
}

int kaio_queue_submit(struct kaio_queue *queue)
{
	int ret = queue_enter(queue);

	if (ret < 0)
		return ret;
	ret = queue_submit(queue);
	if (unlikely(queue->gone))
		ret = -EINVAL;
	queue_leave(queue);
	return ret;
}
