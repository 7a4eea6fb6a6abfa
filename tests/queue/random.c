/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The queue layer: a million operations, good and bad by chance, through a
 * queue of depth 8. What the right result of an operation is, the kernel says
 * when it is submitted alone.
 *
 * KAIO_TEST_OPERATIONS and KAIO_TEST_SEED in the environment change how many,
 * and repeat a run.
 */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define KINDS 2000
#define DEPTH 8
#define BACKLOG 24
#define SLOTS (DEPTH + BACKLOG)
#define SIZE 65536

static uint64_t state;

/* An xorshift generator. */
static unsigned chance(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 32) % below;
}

static unsigned mostly_low(unsigned below)
{
	return chance(3) ? chance((below + 1) / 2) : chance(below);
}

static int files[10];
static struct iovec vectors[4];
static char *memory;

/* Nothing may block in here, or depend on what went before. */
static void open_files(void)
{
	int direct = fixture_file(O_RDONLY | O_DIRECT, SIZE);
	int buffered = fixture_file(O_RDWR, SIZE);

	files[0] = open("/dev/null", O_RDWR);
	files[1] = open("/dev/zero", O_RDWR);
	files[2] = direct < 0 ? buffered : direct;
	files[3] = buffered;
	files[4] = open("/dev/zero", O_RDONLY);
	files[5] = open("/dev/null", O_WRONLY);
	files[6] = open("/", O_RDONLY | O_DIRECTORY);
	files[7] = eventfd(1, EFD_NONBLOCK | EFD_SEMAPHORE);
	files[8] = -1;
	files[9] = 1 << 24;
}

static void prepare_any(struct kaio_iocb *iocb)
{
	/* What comes first comes often: half of all shall be good. */
	const uint64_t sizes[] = { 4096, 512, 0, 1, 511, 8192, UINT64_MAX };
	const int64_t offsets[] = { 0, 4096, 512, 100, SIZE, SIZE - 512, -1 };
	const int flags[] = { KAIO_RWF_DSYNC, KAIO_RWF_SYNC, 1 << 30 };
	unsigned opcode = chance(10);
	int fd = files[mostly_low(COUNT(files))];
	char *buffer = memory + chance(4) * 512 + (chance(4) ? 0 : 7);

	if (fd == files[3] &&
	    (opcode == KAIO_OP_PWRITE || opcode == KAIO_OP_PWRITEV))
		fd = files[0];
	if (fd == files[7])
		opcode = KAIO_OP_POLL;
	if (opcode == KAIO_OP_POLL)
		kaio_prep_poll(iocb, fd, POLLIN);
	else if (opcode == KAIO_OP_PREADV || opcode == KAIO_OP_PWRITEV)
		kaio_prep_iocb(iocb, opcode, fd,
			       chance(20) ? (uintptr_t)vectors : 8, chance(5),
			       offsets[mostly_low(COUNT(offsets))]);
	else
		kaio_prep_iocb(iocb, opcode, fd,
			       chance(20) ? (uintptr_t)buffer : 8,
			       sizes[mostly_low(COUNT(sizes))],
			       offsets[mostly_low(COUNT(offsets))]);
	if (!chance(30))
		iocb->reserved2 = 1;
	if (!chance(20))
		kaio_iocb_set_rw_flags(iocb, flags[chance(COUNT(flags))]);
	if (!chance(20))
		kaio_iocb_set_ioprio(iocb, KAIO_IOPRIO(chance(4), chance(9)));
	if (!chance(20))
		kaio_iocb_set_eventfd(iocb, files[7 + chance(3)]);
}

static int64_t result_alone(kaio_context_t ctx, struct kaio_iocb *iocb)
{
	struct kaio_event event;
	int ret = kaio_submit(ctx, 1, &iocb);

	if (ret < 0)
		return ret;
	ck_assert_int_eq(ret, 1);
	ck_assert_int_eq(kaio_getevents(ctx, 1, 1, &event, NULL), 1);
	return event.res;
}

static struct kind {
	struct kaio_iocb iocb;
	int64_t result;
} kinds[KINDS];

static struct slot {
	struct kaio_iocb iocb;
	int64_t expected;
	bool busy;
} slots[SLOTS];

static uint64_t pushed, completed, refused;

static void push(struct kaio_queue *queue)
{
	struct slot *slot = &slots[chance(SLOTS)];
	const struct kind *kind = &kinds[chance(KINDS)];

	if (slot->busy)
		return;
	slot->iocb = kind->iocb;
	slot->expected = kind->result;
	kaio_iocb_set_data64(&slot->iocb, pushed++);
	ck_assert_ok(kaio_queue_push(queue, &slot->iocb));
	slot->busy = true;
}

static void cancel(struct kaio_queue *queue)
{
	struct slot *slot = &slots[chance(SLOTS)];
	int ret = kaio_queue_cancel(queue, &slot->iocb);

	if (ret == 0)
		slot->expected = -ECANCELED;
	/* -EBUSY: free; or completed, and not yet collected. */
	ck_assert(slot->busy ? ret == 0 || ret == -EBUSY || ret == -EBUSY
			     : ret == -EBUSY);
}

static void check(const struct kaio_event *events, int nr)
{
	int i;

	ck_assert_int_ge(nr, 0);
	for (i = 0; i < nr; i++) {
		size_t which = (size_t)((char *)kaio_event_iocb(&events[i]) -
					(char *)slots) /
			       sizeof(*slots);

		ck_assert_uint_lt(which, SLOTS);
		ck_assert(slots[which].busy);
		ck_assert_uint_eq(events[i].data, slots[which].iocb.data);
		ck_assert_int_eq(events[i].res, slots[which].expected);
		slots[which].busy = false;
		refused += events[i].res < 0;
		completed++;
	}
}

static void step(struct kaio_queue *queue)
{
	struct kaio_event events[SLOTS];
	unsigned max = 1 + chance(SLOTS);

	switch (chance(16)) {
	case 0:
		ck_assert_int_ge(kaio_queue_submit(queue), 0);
		break;
	case 1:
		check(events, kaio_queue_reap(queue, events, max));
		break;
	case 2:
		check(events, kaio_queue_wait(queue, events, chance(max + 1),
					      max, KAIO_FOREVER));
		break;
	case 3:
		cancel(queue);
		break;
	case 4:
		if (!chance(10))
			ck_assert_ok(kaio_queue_drain(queue, KAIO_FOREVER));
		break;
	default:
		push(queue);
	}
	ck_assert_uint_le(kaio_queue_inflight(queue), DEPTH);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

START_TEST(every_operation_completes_once_with_the_right_result)
{
	uint64_t operations = number("KAIO_TEST_OPERATIONS", 1000000);
	uint64_t seed = number("KAIO_TEST_SEED", (uint64_t)time(NULL));
	struct kaio_queue *queue = fixture_queue(DEPTH, BACKLOG);
	struct kaio_queue_stats stats;
	struct kaio_event events[SLOTS];
	kaio_context_t ctx = 0;
	size_t i;

	if (harness_is_under_valgrind())
		SKIP("Valgrind takes the bad addresses for errors");
	printf("KAIO_TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	state = seed * 2 + 1;
	memory = fixture_buffer(SIZE);
	for (i = 0; i < COUNT(vectors); i++) {
		vectors[i].iov_base = memory + i * 8192;
		vectors[i].iov_len = i ? 512 << i : 4096;
	}
	open_files();
	ck_assert_ok(kaio_setup(1, &ctx));
	for (i = 0; i < KINDS; i++) {
		prepare_any(&kinds[i].iocb);
		kinds[i].result = result_alone(ctx, &kinds[i].iocb);
	}
	ck_assert_ok(kaio_destroy(ctx));

	while (pushed < operations)
		step(queue);
	while (completed < pushed)
		check(events,
		      kaio_queue_wait(queue, events, 1, SLOTS, KAIO_FOREVER));
	ck_assert_int_eq(kaio_queue_wait(queue, events, 1, SLOTS, 0), 0);
	kaio_queue_stats(queue, &stats);
	ck_assert_uint_eq(stats.pushed, pushed);
	ck_assert_uint_eq(stats.completed, pushed);
	ck_assert_uint_eq(stats.submitted + stats.rejected + stats.canceled,
			  pushed);
	printf("%llu operations, %llu of them failed as they should\n",
	       (unsigned long long)completed, (unsigned long long)refused);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_queue_random(void)
{
	const TTest *tests[] = {
		every_operation_completes_once_with_the_right_result,
	};

	return harness_both_ways("queue: random", tests, COUNT(tests));
}
