/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The workloads on transfers. Short operations are reads of a pipe that keeps
 * packets apart, one for each part that is read.
 */
#include "check.h"
#include "drive.h"
#include "faults.h"
#include "seam.h"
#include "workloads.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Not where O_DIRECT would take -EINVAL for the end of a file. */
#define PACKET 512
#define PACKETS 4
#define SIZE (PACKETS * PACKET)
#define TRIES 64

enum {
	READ_OP,
	POLL_OP,
	GOOD_OP,
	BAD_OP,
	NR_OPS
};

struct subject {
	struct kaio_transfer *transfer;
	struct kaio_queue *queue;
	int pipes[2];
	int null;
	int polled[2];
	char buffer[SIZE];
	struct iovec iov[2];
	bool cancelled;
	int posts;
	int done; /* atomic */
};

static struct subject subjects[2];

static void fill(struct subject *subject)
{
	char packet[PACKET];
	int i;

	/* What an earlier post has left. */
	while (read(subject->pipes[0], packet, PACKET) > 0)
		;
	memset(subject->buffer, 0, SIZE);
	for (i = 0; i < PACKETS; i++) {
		memset(packet, 'a' + i, PACKET);
		EXPECT(write(subject->pipes[1], packet, PACKET) == PACKET);
	}
}

static void count(struct kaio_transfer *transfer, int status, void *data)
{
	struct subject *subject = data;

	EXPECT(transfer == subject->transfer);
	EXPECT(status <= 0 && status != -EINPROGRESS);
	__atomic_add_fetch(&subject->done, 1, __ATOMIC_RELAXED);
}

static void fire_poll(struct subject *subject)
{
	EXPECT(write(subject->polled[1], "", 1) == 1);
}

static void stop_poll(struct subject *subject)
{
	char byte;

	EXPECT(read(subject->polled[0], &byte, 1) == 1);
}

static void open_subject(struct subject *subject)
{
	EXPECT(pipe2(subject->pipes, O_DIRECT | O_NONBLOCK | O_CLOEXEC) == 0);
	subject->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	EXPECT(subject->null >= 0);
	EXPECT(pipe2(subject->polled, O_CLOEXEC) == 0);
	fire_poll(subject);
}

static void close_subject(struct subject *subject)
{
	close(subject->pipes[0]);
	close(subject->pipes[1]);
	close(subject->null);
	close(subject->polled[0]);
	close(subject->polled[1]);
}

static void create(struct subject *subject, struct kaio_queue *queue)
{
	const struct kaio_transfer_params params = { .done = count,
						     .data = subject };
	struct kaio_transfer **transfer = &subject->transfer;
	int ret = CALL(kaio_transfer_create(transfer, queue, NR_OPS, &params));

	if (ret == -ENOMEM && seam_failed(MEMORY, ENOMEM))
		ret = CALL(
			kaio_transfer_create(transfer, queue, NR_OPS, &params));
	EXPECT(ret == 0);
	subject->queue = queue;
	subject->iov[0] = (struct iovec){ subject->buffer, SIZE / 2 };
	subject->iov[1] =
		(struct iovec){ subject->buffer + SIZE / 2, SIZE / 2 };
}

/* A read of one buffer or of two, and others beside it. */
static void prepare(struct subject *subject, bool vectored)
{
	struct kaio_iocb *iocb[NR_OPS];
	int i;

	for (i = 0; i < NR_OPS; i++)
		iocb[i] = kaio_transfer_iocb(subject->transfer, (unsigned)i);
	if (vectored)
		kaio_prep_preadv(iocb[READ_OP], subject->pipes[0], subject->iov,
				 2, 0);
	else
		kaio_prep_pread(iocb[READ_OP], subject->pipes[0],
				subject->buffer, SIZE, 0);
	kaio_prep_poll(iocb[POLL_OP], subject->polled[0], POLLIN);
	kaio_prep_pwrite(iocb[GOOD_OP], subject->null, "", 1, 0);
	kaio_prep_pwrite(iocb[BAD_OP], -1, "", 1, 0);
}

static bool is_right(const struct subject *subject, int index, int64_t res)
{
	int refusal = seam_refusal(
		kaio_transfer_iocb(subject->transfer, (unsigned)index));
	int i;

	if (refusal && res == -refusal)
		return true;
	if (res < 0 && seam_may_exhaust((int)-res))
		return true;
	if (res == -ECANCELED)
		return subject->cancelled;
	if (refusal)
		return false;
	if (index == POLL_OP)
		return res > 0 && res & POLLIN;
	if (index != READ_OP)
		return index == BAD_OP ? res == -EBADF : res == 1;
	for (i = 0; i < SIZE; i++)
		if (subject->buffer[i] != 'a' + i / PACKET)
			return false;
	return res == SIZE;
}

static void check_results(const struct subject *subject, int status)
{
	int first = 0;
	int i;

	for (i = 0; i < NR_OPS; i++) {
		int64_t res =
			kaio_transfer_result(subject->transfer, (unsigned)i);

		if (!is_right(subject, i, res))
			check_fail("operation %d has the result %lld", i,
				   (long long)res);
		if (!first && res < 0)
			first = (int)res;
	}
	if (status != first)
		check_fail("the status is %d, and %d is the first", status,
			   first);
	EXPECT(CALL(kaio_transfer_test(subject->transfer)) == status);
}

static void post(struct subject *subject, bool vectored)
{
	unsigned i;
	int ret;

	fill(subject);
	prepare(subject, vectored);
	for (i = 0; i < NR_OPS; i++)
		seam_forget_refusal(kaio_transfer_iocb(subject->transfer, i));
	subject->cancelled = false;
	ret = CALL(kaio_transfer_post(subject->transfer));
	/* The last post does not end either if the context is gone. */
	EXPECT(ret == 0 ||
	       ((ret == -EINVAL || ret == -EBUSY) && seam_is_gone()));
	subject->posts += ret == 0;
}

static void wait(struct subject *subject)
{
	int tries;

	for (tries = 0; tries < TRIES && !seam_is_gone(); tries++) {
		int ret = CALL(
			kaio_transfer_wait(subject->transfer, KAIO_FOREVER));

		if (!kaio_transfer_active(subject->transfer)) {
			check_results(subject, ret);
			return;
		}
		if (ret == -EINPROGRESS || !drive_may_return(ret))
			check_fail("it waits and returns %d", ret);
		seam_lift();
	}
	EXPECT(seam_is_gone());
}

static void end(struct subject *subject)
{
	if (!seam_is_gone())
		EXPECT(subject->done == subject->posts);
	EXPECT(CALL(kaio_transfer_release(subject->transfer)) == 0);
}

static void test(struct subject *subject)
{
	if (!seam_is_gone())
		CALL(kaio_transfer_test(subject->transfer));
}

/* More operations than there is room for, in parts. */
void workload_transfer(void)
{
	struct kaio_queue *queue = drive_create(0, 2, 0);
	struct subject *subject = &subjects[0];

	if (!queue)
		return;
	open_subject(subject);
	create(subject, queue);
	post(subject, false);
	wait(subject);
	post(subject, true);
	test(subject);
	wait(subject);
	end(subject);
	drive_finish(queue);
	drive_end(queue);
	close_subject(subject);
}

static void cancel(struct subject *subject)
{
	int ret;

	subject->cancelled = true;
	ret = CALL(kaio_transfer_cancel(subject->transfer));
	EXPECT(ret == 0 || (ret == -EINVAL && seam_is_gone()));
}

/* What was in flight completes where the queue is run. */
static void run_to_the_end(struct kaio_queue *queue)
{
	int tries;

	for (tries = 0; tries < TRIES && !seam_is_gone(); tries++) {
		if (!kaio_queue_inflight(queue) && !kaio_queue_backlog(queue) &&
		    drive_run(queue, 0, 0) == 0)
			break;
		drive_run(queue, 1, KAIO_FOREVER);
	}
}

/* Of one that polls: cancelled, then posted again and released. */
static void cancel_and_release(uint32_t flags)
{
	struct kaio_queue *queue = drive_create(flags, 2, 0);
	struct subject *subject = &subjects[0];

	if (!queue)
		return;
	open_subject(subject);
	create(subject, queue);
	stop_poll(subject);
	post(subject, false);
	test(subject);
	cancel(subject);
	cancel(subject);
	fire_poll(subject);
	wait(subject);
	stop_poll(subject);
	post(subject, true);
	test(subject);
	EXPECT(CALL(kaio_transfer_release(subject->transfer)) == 0);
	fire_poll(subject);
	run_to_the_end(queue);
	if (!seam_is_gone())
		EXPECT(faults_allocated == 0);
	drive_finish(queue);
	drive_end(queue);
	close_subject(subject);
}

void workload_transfer_cancel(void)
{
	cancel_and_release(0);
}

void workload_transfer_cancel_shared(void)
{
	cancel_and_release(KAIO_QUEUE_SHARED | KAIO_QUEUE_EVENTFD);
}

static void *post_twice(void *arg)
{
	struct subject *subject = arg;

	post(subject, false);
	wait(subject);
	post(subject, true);
	wait(subject);
	return NULL;
}

/* Each thread has its own, and completes the other's as well. */
void workload_transfer_threads(void)
{
	struct kaio_queue *queue = drive_create(KAIO_QUEUE_SHARED, 3, 0);
	pthread_t threads[2];
	int i;

	if (!queue)
		return;
	check_watch_lock(NULL);
	for (i = 0; i < 2; i++) {
		open_subject(&subjects[i]);
		create(&subjects[i], queue);
	}
	for (i = 0; i < 2; i++)
		EXPECT(pthread_create(&threads[i], NULL, post_twice,
				      &subjects[i]) == 0);
	for (i = 0; i < 2; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	check_watch_lock(queue);
	for (i = 0; i < 2; i++) {
		end(&subjects[i]);
		close_subject(&subjects[i]);
	}
	drive_finish(queue);
	drive_end(queue);
}
