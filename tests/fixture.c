/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "fixture.h"

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

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

void *fixture_buffer(size_t size)
{
	void *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(buffer, MAP_FAILED);
	return buffer;
}

void fixture_fill(void *buffer, size_t size, uint64_t offset)
{
	uint64_t *words = buffer;
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++)
		words[i] = offset + i * sizeof(*words);
}

void fixture_check(const void *buffer, size_t size, uint64_t offset)
{
	const uint64_t *words = buffer;
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++)
		ck_assert_uint_eq(words[i], offset + i * sizeof(*words));
}

int fixture_file(int flags, size_t size)
{
	const char *directory = getenv("TMPDIR");
	char path[4096];
	void *content;
	int writer;
	int fd;

	snprintf(path, sizeof(path), "%s/kaio-XXXXXX",
		 directory ? directory : ".");
	writer = mkstemp(path);
	ck_assert_int_ge(writer, 0);
	content = fixture_buffer(size);
	fixture_fill(content, size, 0);
	ck_assert_int_eq(write(writer, content, size), (ssize_t)size);
	ck_assert_ok(fsync(writer));
	munmap(content, size);
	close(writer);
	fd = open(path, flags | O_CLOEXEC);
	unlink(path);
	ck_assert(fd >= 0 || flags & O_DIRECT);
	return fd;
}

static void on_signal(int number)
{
	(void)number;
}

void fixture_signals(void)
{
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };

	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	ck_assert_ok(setitimer(ITIMER_REAL, &often, NULL));
}

void fixture_no_signals(void)
{
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };

	ck_assert_ok(setitimer(ITIMER_REAL, &never, NULL));
}
