/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "program.h"

#include "fixture.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#define NR 8
#define SIZE 4096

static int file = -1;
static int event = -1, idle = -1;
static char *buffer;
static unsigned called;

void program_open_files(void)
{
	file = fixture_file(O_RDWR, (size_t)NR * SIZE);
	event = eventfd(0, EFD_CLOEXEC);
	idle = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(idle, 0);
	buffer = fixture_buffer((size_t)NR * SIZE);
}

static void count(struct kaio_op *op, int64_t res)
{
	(void)op;
	called += res != -EINPROGRESS;
}

/* An error that is the queue's to report, and to signal to an eventfd. */
static int refuse_one(struct kaio_queue *queue, bool has_eventfd)
{
	struct kaio_op bad = { .complete = count };

	kaio_prep_pread(&bad.iocb, -1, buffer, 1, 0);
	if (!has_eventfd)
		kaio_iocb_set_eventfd(&bad.iocb, event);
	MUST(kaio_queue_push(queue, &bad.iocb) == 0);
	MUST(kaio_queue_run(queue, 1, KAIO_FOREVER) == 1);
	return 0;
}

static int poll_and_cancel(struct kaio_queue *queue)
{
	struct kaio_op poll = { .complete = count };
	struct kaio_op fsync = { .complete = count };

	kaio_prep_fsync(&fsync.iocb, file);
	kaio_prep_poll(&poll.iocb, idle, POLLIN);
	MUST(kaio_queue_push(queue, &poll.iocb) == 0);
	MUST(kaio_queue_submit(queue) == 1);
	MUST(kaio_queue_wait(queue, NULL, 0, 0, 0) == 0);
	MUST(kaio_queue_run(queue, 1, 1000) == 0);
	MUST(kaio_queue_push(queue, &fsync.iocb) == 0);
	MUST(kaio_queue_cancel(queue, &poll.iocb) == 0);
	called = 0;
	while (called < 2)
		MUST(kaio_queue_run(queue, 1, KAIO_FOREVER) > 0);
	MUST(kaio_queue_drain(queue, KAIO_FOREVER) == 0);
	return 0;
}

/* The file ends in the last read, which is therefore looked at. */
static int do_transfer(struct kaio_queue *queue)
{
	struct kaio_transfer *transfer;
	unsigned i;

	MUST(kaio_transfer_create(&transfer, queue, NR, NULL) == 0);
	for (i = 0; i < NR; i++)
		kaio_prep_pread(kaio_transfer_iocb(transfer, i), file,
				buffer + (size_t)i * SIZE, SIZE,
				(int64_t)i * SIZE + 8);
	MUST(kaio_transfer_post(transfer) == 0);
	MUST(kaio_transfer_wait(transfer, KAIO_FOREVER) == -ENODATA);
	MUST(kaio_transfer_bytes(transfer) == NR * SIZE - 8);
	MUST(kaio_transfer_post(transfer) == 0);
	MUST(kaio_transfer_cancel(transfer) == 0);
	MUST(kaio_transfer_release(transfer) == 0);
	return 0;
}

static int use(uint32_t flags, int64_t spin_ns)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = NR,
						  .spin_ns = spin_ns };
	struct kaio_queue *queue;
	struct kaio_event events[1];
	int ret;

	MUST(kaio_queue_create(&queue, 2, &params) == 0);
	ret = refuse_one(queue, flags & KAIO_QUEUE_EVENTFD);
	ret = ret ? ret : poll_and_cancel(queue);
	ret = ret ? ret : do_transfer(queue);
	if (flags & KAIO_QUEUE_WAKE) {
		MUST(kaio_queue_wake(queue) == 0);
		MUST(kaio_queue_wait(queue, events, 1, 1, KAIO_FOREVER) >= 0);
	}
	MUST(ret || kaio_queue_drain(queue, KAIO_FOREVER) == 0);
	/* It has nothing more to wait for, but the time. */
	MUST(kaio_queue_wait(queue, events, 0, 1, 0) >= 0);
	MUST(kaio_queue_destroy(queue) == 0);
	return ret;
}

int program_use_all(void)
{
	static const uint32_t shared = KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE;
	int ret = use(0, 0);

	ret = ret ? ret : use(0, 1000);
	ret = ret ? ret : use(KAIO_QUEUE_NO_RING, 0);
	ret = ret ? ret : use(KAIO_QUEUE_EVENTFD, 0);
	ret = ret ? ret : use(shared, 0);
	return ret ? ret
		   : use(shared | KAIO_QUEUE_EVENTFD | KAIO_QUEUE_NO_RING, 0);
}
