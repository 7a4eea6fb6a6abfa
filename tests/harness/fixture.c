/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "fixture.h"

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>

struct kaio_queue *fixture_queue(unsigned depth, unsigned backlog)
{
	const struct kaio_queue_params params = { .backlog = backlog };
	struct kaio_queue *queue = NULL;

	ck_assert_ok(kaio_queue_create(&queue, depth, &params));
	ck_assert_ptr_nonnull(queue);
	return queue;
}

void fixture_good(struct kaio_iocb *iocb)
{
	static _Thread_local int fd = -1;

	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	kaio_prep_pwrite(iocb, fd, "", 1, 0);
}

void fixture_bad(struct kaio_iocb *iocb)
{
	kaio_prep_pwrite(iocb, -1, "", 1, 0);
}

void fixture_endless(struct kaio_iocb *iocb)
{
	static _Thread_local int fd = -1;

	if (fd < 0)
		fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	kaio_prep_poll(iocb, fd, POLLIN);
}

struct kaio_transfer *fixture_transfer(struct kaio_queue *queue, unsigned nr)
{
	struct kaio_transfer *transfer = NULL;
	unsigned i;

	ck_assert_ok(kaio_transfer_create(&transfer, queue, nr, 0));
	for (i = 0; i < nr; i++)
		fixture_good(kaio_transfer_iocb(transfer, i));
	return transfer;
}

void fixture_push(struct kaio_queue *queue, struct kaio_iocb *iocbs, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		ck_assert_ok(kaio_queue_push(queue, &iocbs[i]));
}

void fixture_collect_all(struct kaio_queue *queue, unsigned room,
			 const struct kaio_iocb *iocbs, size_t nr,
			 int64_t *results)
{
	struct kaio_event *events = calloc(room, sizeof(*events));
	bool *seen = calloc(nr, sizeof(*seen));
	size_t left = nr;

	while (left) {
		int ret = kaio_queue_wait(queue, events, 1, room, KAIO_FOREVER);
		int i;

		ck_assert_int_gt(ret, 0);
		for (i = 0; i < ret; i++) {
			size_t which =
				(size_t)(kaio_event_iocb(&events[i]) - iocbs);

			ck_assert_uint_lt(which, nr);
			ck_assert(!seen[which]);
			ck_assert_uint_eq(events[i].data, iocbs[which].data);
			ck_assert_int_eq(events[i].res2, 0);
			seen[which] = true;
			results[which] = events[i].res;
			left--;
		}
	}
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, room, KAIO_FOREVER),
			 0);
	ck_assert_uint_eq(kaio_queue_inflight(queue), 0);
	ck_assert_uint_eq(kaio_queue_backlog(queue), 0);
	free(events);
	free(seen);
}
