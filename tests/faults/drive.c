/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "drive.h"

#include "check.h"
#include "ledger.h"
#include "queue/queue.h"
#include "seam.h"

/* More calls than any fault that does not last can make fail. */
#define TRIES 64
#define ROOM 16

static bool may_refuse(int error)
{
	return seam_failed(SETUP, error) || seam_failed(EVENTFD, error) ||
	       (error == ENOMEM && seam_mapped() == 0) ||
	       seam_failed(SUBMIT, error) ||
	       (error == ENOTSUP && seam_failed(SUBMIT, EINVAL)) ||
	       (error == EAGAIN && seam_failed(SUBMIT, 0));
}

struct kaio_queue *drive_create(uint32_t flags, unsigned depth,
				unsigned backlog)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = backlog };
	struct kaio_queue *queue = NULL;
	int tries;

	for (tries = 0; tries < 4; tries++) {
		int ret = CALL(kaio_queue_create(&queue, depth, &params));

		if (ret == 0) {
			EXPECT(queue);
			check_watch_lock(queue);
			return queue;
		}
		EXPECT(ret < 0 && may_refuse(-ret));
		check_nothing_left(seam_failed(DESTROY, EPERM) ||
				   seam_failed(DESTROY, ENOSYS));
	}
	return NULL;
}

bool drive_may_return(int ret)
{
	if (ret >= 0 || (ret == -EINVAL && seam_is_gone()))
		return true;
	if (ret != -EPERM && ret != -ENOSYS)
		return seam_failed(GETEVENTS, -ret) ||
		       seam_failed(PGETEVENTS, -ret);
	return (seam_failed(GETEVENTS, EPERM) ||
		seam_failed(GETEVENTS, ENOSYS)) &&
	       (seam_failed(PGETEVENTS, EPERM) ||
		seam_failed(PGETEVENTS, ENOSYS));
}

void drive_submit(struct kaio_queue *queue)
{
	int ret = CALL(kaio_queue_submit(queue));

	EXPECT(ret >= 0 || (ret == -EINVAL && seam_is_gone()));
}

static int check_collected(int ret)
{
	if (!drive_may_return(ret))
		check_fail("it returns %d", ret);
	if (ret < 0)
		seam_lift();
	return ret;
}

int drive_wait(struct kaio_queue *queue, unsigned min, unsigned max,
	       int64_t timeout_ns)
{
	struct kaio_event events[ROOM];
	int ret = CALL(kaio_queue_wait(queue, events, min, max, timeout_ns));

	ledger_collect(events, ret);
	return check_collected(ret);
}

int drive_run(struct kaio_queue *queue, unsigned min, int64_t timeout_ns)
{
	return check_collected(CALL(kaio_queue_run(queue, min, timeout_ns)));
}

void drive_drain(struct kaio_queue *queue)
{
	int tries;

	for (tries = 0; tries < TRIES && !seam_is_gone(); tries++)
		if (!check_collected(
			    CALL(kaio_queue_drain(queue, KAIO_FOREVER))))
			return;
	EXPECT(seam_is_gone());
}

static void expect_gone(struct kaio_queue *queue)
{
	struct kaio_event event;
	struct kaio_iocb iocb;

	kaio_prep_fsync(&iocb, -1);
	EXPECT(CALL(kaio_queue_push(queue, &iocb)) == -EINVAL);
	EXPECT(CALL(kaio_queue_submit(queue)) == -EINVAL);
	EXPECT(CALL(kaio_queue_cancel(queue, &iocb)) == -EINVAL);
	EXPECT(CALL(kaio_queue_reap(queue, &event, 1)) == -EINVAL);
	EXPECT(CALL(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER)) ==
	       -EINVAL);
	EXPECT(CALL(kaio_queue_run(queue, 1, KAIO_FOREVER)) == -EINVAL);
	EXPECT(CALL(kaio_queue_drain(queue, KAIO_FOREVER)) == -EINVAL);
}

/* What the program knows of the counters must be so. */
static void expect_empty(struct kaio_queue *queue)
{
	struct kaio_queue_stats stats;

	EXPECT(kaio_queue_inflight(queue) == 0);
	EXPECT(kaio_queue_backlog(queue) == 0);
	kaio_queue_stats(queue, &stats);
	EXPECT(stats.pushed == stats.completed);
	EXPECT(stats.pushed ==
	       stats.submitted + stats.rejected + stats.canceled);
}

static void collect_all(struct kaio_queue *queue)
{
	int tries = 0;

	while (ledger_missing() && !seam_is_gone()) {
		/* Nothing but an error or a wake ends it with nothing. */
		EXPECT(drive_wait(queue, 1, ROOM, KAIO_FOREVER) != 0 ||
		       queue->flags & KAIO_QUEUE_WAKE);
		EXPECT(++tries < TRIES);
	}
}

void drive_finish(struct kaio_queue *queue)
{
	seam_lift();
	collect_all(queue);
	if (seam_is_gone()) {
		expect_gone(queue);
		return;
	}
	drive_drain(queue);
	EXPECT(drive_wait(queue, 0, ROOM, 0) <= 0);
	expect_empty(queue);
}

static void *use(void *arg)
{
	struct kaio_queue *queue = arg;

	ledger_push(queue, GOOD);
	drive_submit(queue);
	collect_all(queue);
	return NULL;
}

/* In another thread if there may be one, which finds a lock that is left. */
static void expect_usable(struct kaio_queue *queue)
{
	pthread_t thread;

	if (!(queue->flags & KAIO_QUEUE_SHARED)) {
		use(queue);
		return;
	}
	EXPECT(pthread_create(&thread, NULL, use, queue) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
}

void drive_end(struct kaio_queue *queue)
{
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		int ret;

		check_unused(queue);
		if (!seam_is_gone())
			expect_usable(queue);
		else
			expect_gone(queue);
		check_watch_lock(NULL);
		ret = CALL(kaio_queue_destroy(queue));
		if (ret == 0)
			return;
		EXPECT((ret == -EPERM || ret == -ENOSYS) &&
		       seam_failed(DESTROY, -ret));
		check_watch_lock(queue);
		seam_lift();
	}
	check_fail("it cannot be destroyed");
}
