/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What tests/portability.sh builds and runs for every architecture, C library
 * and width of time_t: whatever depends on the size of a pointer, a long or a
 * time.
 */
#define _GNU_SOURCE
#include <kaio.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXPECT(condition)                                              \
	do {                                                           \
		if (!(condition)) {                                    \
			fprintf(stderr, "line %d: not %s\n", __LINE__, \
				#condition);                           \
			exit(EXIT_FAILURE);                            \
		}                                                      \
	} while (0)

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	(void)number;
	signals = signals + 1;
}

static void file_through_a_queue(void)
{
	/* Beyond 4 GiB, which without O_LARGEFILE 32 bits are refused. */
	const int64_t offset = INT64_C(5) << 32;
	char name[] = "portability-XXXXXX";
	struct kaio_queue *queue;
	struct kaio_iocb iocb;
	struct kaio_event event;
	char buf[8];
	int fd = mkostemp(name, O_LARGEFILE);

	EXPECT(fd >= 0 && unlink(name) == 0);
	EXPECT(kaio_queue_create(&queue, 4, NULL) == 0);
	kaio_prep_pwrite(&iocb, fd, "portable", 8, offset);
	EXPECT(kaio_queue_push(queue, &iocb) == 0);
	EXPECT(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER) == 1);
	EXPECT(event.res == 8 && event.obj == (uintptr_t)&iocb);
	kaio_prep_pread(&iocb, fd, buf, 8, offset);
	kaio_iocb_set_data(&iocb, &queue);
	EXPECT(kaio_queue_push(queue, &iocb) == 0);
	EXPECT(kaio_queue_wait(queue, &event, 1, 1, 1000000000) == 1);
	EXPECT(event.res == 8 && memcmp(buf, "portable", 8) == 0);
	EXPECT(kaio_event_data(&event) == &queue);
	EXPECT(kaio_queue_wait(queue, &event, 1, 1, 1000000) == 0);
	EXPECT(kaio_queue_destroy(queue) == 0);
	close(fd);
}

static int64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void times(kaio_context_t ctx)
{
	const struct timespec short_time = { .tv_nsec = 20000000 };
	struct timespec bad = { .tv_nsec = 1000000000 };
	struct timespec longest = { .tv_nsec = 999999999 };
	struct kaio_iocb iocb;
	struct kaio_iocb *list[] = { &iocb };
	struct kaio_event event;
	int64_t start = now_ns();

	EXPECT(kaio_getevents(ctx, 1, 1, &event, &short_time) == 0);
	EXPECT(now_ns() - start >= 20000000);
	start = now_ns();
	EXPECT(kaio_pgetevents(ctx, 1, 1, &event, &short_time, NULL) == 0);
	EXPECT(now_ns() - start >= 20000000);

	EXPECT(kaio_getevents(ctx, 1, 1, &event, &bad) == -EINVAL);
	EXPECT(kaio_pgetevents(ctx, 1, 1, &event, &bad, NULL) == -EINVAL);
	bad = (struct timespec){ .tv_sec = -1 };
	EXPECT(kaio_getevents(ctx, 1, 1, &event, &bad) == -EINVAL);

	/* The longest that fits: not cut to something short or negative. */
	longest.tv_sec =
		sizeof(time_t) == 8 ? (time_t)INT64_MAX : (time_t)INT32_MAX;
	alarm(1);
	EXPECT(kaio_getevents(ctx, 1, 1, &event, &longest) == -EINTR);
	EXPECT(signals == 1);
	longest.tv_sec = sizeof(time_t) == 8 ? (time_t)(INT64_C(1) << 32)
					     : (time_t)INT32_MAX;
	alarm(1);
	EXPECT(kaio_pgetevents(ctx, 1, 1, &event, &longest, NULL) == -EINTR);
	EXPECT(signals == 2);

	kaio_prep_poll(&iocb, open("/dev/zero", O_RDONLY), POLLIN);
	kaio_iocb_set_data64(&iocb, UINT64_C(0x0123456789abcdef));
	EXPECT(kaio_submit(ctx, 1, list) == 1);
	EXPECT(kaio_getevents(ctx, 1, 1, &event, NULL) == 1);
	EXPECT(event.data == UINT64_C(0x0123456789abcdef));
	EXPECT(event.res == POLLIN && kaio_event_iocb(&event) == &iocb);
}

static void signal_mask(kaio_context_t ctx)
{
	struct kaio_event event;
	sigset_t none;
	sigset_t blocked;

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	EXPECT(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
	signals = 0;
	raise(SIGALRM);
	EXPECT(kaio_pgetevents(ctx, 0, 1, &event, NULL, &blocked) == 0);
	EXPECT(signals == 0);
	EXPECT(kaio_pgetevents(ctx, 1, 1, &event, NULL, &none) == -EINTR);
	EXPECT(signals == 1);
}

static void ring(kaio_context_t ctx)
{
	struct kaio_ring ring;
	struct kaio_iocb iocb;
	struct kaio_iocb *list[] = { &iocb };
	struct kaio_event event;

	EXPECT(kaio_ring_attach(&ring, ctx) == 0);
	kaio_prep_poll(&iocb, open("/dev/zero", O_RDONLY), POLLIN);
	EXPECT(kaio_submit(ctx, 1, list) == 1);
	EXPECT(kaio_ring_ready(&ring) == 1);
	EXPECT(kaio_ring_reap(&ring, &event, 1) == 1);
	EXPECT(kaio_event_iocb(&event) == &iocb);
}

int main(void)
{
	struct sigaction action = { .sa_handler = count_signal };
	kaio_context_t ctx = 0;

	EXPECT(sigaction(SIGALRM, &action, NULL) == 0);
	EXPECT(kaio_setup(4, &ctx) == 0);
	file_through_a_queue();
	times(ctx);
	signal_mask(ctx);
	ring(ctx);
	EXPECT(kaio_destroy(ctx) == 0);
	EXPECT(kaio_submit(ctx, 0, NULL) == -EINVAL);
	printf("runs, with pointers of %d and times of %d bits\n",
	       (int)sizeof(void *) * CHAR_BIT, (int)sizeof(time_t) * CHAR_BIT);
	return 0;
}
