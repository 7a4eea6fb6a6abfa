/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The ring layer: the ring that the kernel maps. */
#include "calls.h"
#include "faults.h"
#include "suites.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

/* Many laps of the ring, which has about a hundred events. */
#define OPERATIONS 50000
#define BATCH 7

static bool attach(struct kaio_ring *ring, kaio_context_t ctx)
{
	return harness_has_ring() && kaio_ring_attach(ring, ctx) == 0;
}

#define NO_RING "the kernel maps no ring here that can be read"

/* One more than the last of "0-3" or "0,2-5"; 0 if unknown. */
static unsigned possible_cpus(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "r");
	unsigned last = 0;
	int separator;

	if (!file)
		return 0;
	do
		if (fscanf(file, "%u", &last) != 1)
			break;
	while ((separator = fgetc(file)) == '-' || separator == ',');
	fclose(file);
	return last + 1;
}

/* aio_setup_ring() and ioctx_alloc() */
START_TEST(the_ring_is_as_large_as_the_kernel_makes_it)
{
	static const unsigned asked[] = { 1, 8, 62, 63, 64, 128, 1024, 4000 };
	unsigned least = possible_cpus() * 4;
	size_t i;

	if (!least)
		SKIP("the number of possible CPUs is unknown");
	for (i = 0; i < COUNT(asked); i++) {
		kaio_context_t ctx = new_context(asked[i]);
		unsigned nr = asked[i] < least ? least : asked[i];
		size_t bytes = 32 * (2 * nr + 2 + 1);
		size_t page = page_size();
		struct kaio_ring ring;

		if (!attach(&ring, ctx))
			SKIP(NO_RING);
		bytes = (bytes + page - 1) / page * page;
		ck_assert_uint_eq(ring.nr, (bytes - 32) / 32);
		ck_assert_uint_eq(kaio_ring_ready(&ring), 0);
		ck_assert_call(kaio_destroy(ctx), 0);
	}
}
END_TEST

/* A byte read from /dev/zero is complete when kaio_submit() returns. */
static struct kaio_iocb read_of_dev_zero(void)
{
	static char byte;
	struct kaio_iocb iocb;

	kaio_prep_pread(&iocb, open("/dev/zero", O_RDONLY), &byte, 1, 0);
	return iocb;
}

START_TEST(every_completion_comes_once_over_many_laps)
{
	static unsigned char seen[OPERATIONS];
	kaio_context_t ctx = new_context(BATCH);
	struct kaio_iocb iocb = read_of_dev_zero();
	struct kaio_iocb iocbs[BATCH];
	struct kaio_iocb *list[BATCH];
	struct kaio_event events[BATCH];
	struct kaio_ring ring;
	unsigned submitted = 0;
	unsigned reaped = 0;
	int ret;
	int i;

	if (!attach(&ring, ctx))
		SKIP(NO_RING);
	while (reaped < OPERATIONS) {
		/* Batches of 1 to 7, so that each place is a first. */
		int nr = (int)(submitted % BATCH) + 1;

		if (nr > (int)(OPERATIONS - submitted))
			nr = (int)(OPERATIONS - submitted);
		for (i = 0; i < nr; i++) {
			iocbs[i] = iocb;
			iocbs[i].data = submitted + (unsigned)i;
			list[i] = &iocbs[i];
		}
		ck_assert_call(kaio_submit(ctx, nr, list), nr);
		submitted += (unsigned)nr;
		ck_assert_uint_eq(kaio_ring_ready(&ring), submitted - reaped);
		do {
			ret = kaio_ring_reap(&ring, events, 3);
			ck_assert_int_le(ret, 3);
			for (i = 0; i < ret; i++) {
				ck_assert_int_eq(events[i].res, 1);
				ck_assert_uint_lt(events[i].data, OPERATIONS);
				seen[events[i].data]++;
			}
			reaped += (unsigned)ret;
		} while (ret);
	}
	ck_assert_uint_eq(reaped, OPERATIONS);
	for (i = 0; i < OPERATIONS; i++)
		ck_assert_uint_eq(seen[i], 1);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), 0);
	ck_assert_uint_gt(OPERATIONS, 100 * ring.nr);
}
END_TEST

START_TEST(advance_gives_slots_back_and_peek_does_not)
{
	kaio_context_t ctx = new_context(8);
	struct kaio_iocb iocb = read_of_dev_zero();
	const struct kaio_event *event;
	struct kaio_ring ring;
	unsigned taken = 0;
	unsigned nr;
	int ret;

	if (!attach(&ring, ctx))
		SKIP(NO_RING);
	stay_on_this_cpu();
	while ((ret = submit(ctx, &iocb)) == 1)
		taken++;
	ck_assert_int_eq(ret, -EAGAIN);
	ck_assert_uint_ge(taken, 8);
	ck_assert_uint_eq(kaio_ring_ready(&ring), taken);

	event = kaio_ring_peek(&ring, &nr);
	ck_assert_ptr_eq(event, ring.events);
	ck_assert_uint_eq(nr, taken);
	ck_assert_ptr_eq(kaio_event_iocb(event), &iocb);
	ck_assert_int_eq(submit(ctx, &iocb), -EAGAIN);
	kaio_ring_advance(&ring, 2);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_int_eq(submit(ctx, &iocb), 1);
	ck_assert_int_eq(submit(ctx, &iocb), -EAGAIN);
	ck_assert_uint_eq(kaio_ring_ready(&ring), taken);
}
END_TEST

START_TEST(ring_and_getevents_take_turns)
{
	kaio_context_t ctx = new_context(8);
	struct kaio_iocb iocb = read_of_dev_zero();
	struct kaio_event event;
	struct kaio_ring ring;
	unsigned i;

	if (!attach(&ring, ctx))
		SKIP(NO_RING);
	for (i = 0; i < 3 * ring.nr; i++) {
		iocb.data = 2 * i;
		ck_assert_int_eq(submit(ctx, &iocb), 1);
		iocb.data = 2 * i + 1;
		ck_assert_int_eq(submit(ctx, &iocb), 1);
		ck_assert_int_eq(kaio_ring_reap(&ring, &event, 1), 1);
		ck_assert_uint_eq(event.data, 2 * i);
		ck_assert_call(kaio_getevents(ctx, 1, 1, &event, NULL), 1);
		ck_assert_uint_eq(event.data, 2 * i + 1);
		ck_assert_uint_eq(kaio_ring_ready(&ring), 0);
	}
}
END_TEST

Suite *suite_ring_kernel(void)
{
	const TTest *tests[] = {
		the_ring_is_as_large_as_the_kernel_makes_it,
		every_completion_comes_once_over_many_laps,
		advance_gives_slots_back_and_peek_does_not,
		ring_and_getevents_take_turns,
	};

	return harness_suite("ring-kernel", tests, COUNT(tests));
}
