/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: which system calls it makes, and how many. */
#include "libaio/registry.h"
#include "calls.h"
#include "faults.h"
#include "suites.h"

#include <libaio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static struct timespec none;
static struct timespec shortly = { 0, 1000000 }; /* but not to be spun away */

static io_context_t context(void)
{
	io_context_t ctx = NULL;

	ck_assert_call(io_setup(1, &ctx), 0);
	return ctx;
}

static bool is_known(io_context_t ctx)
{
	return kaio_registry_find((kaio_context_t)ctx);
}

START_TEST(contexts_without_number_are_polled_by_one_call_each)
{
	static io_context_t contexts[3000];
	struct io_event event;
	unsigned strangers = 0;
	size_t nr, i;

	for (nr = 0; nr < COUNT(contexts); nr++) {
		if (CALL(io_setup(1, &contexts[nr])) != 0)
			break;
		strangers += !is_known(contexts[nr]);
	}
	if (nr < COUNT(contexts))
		SKIP("fs.aio-max-nr leaves only %zu contexts", nr);
	ck_assert_uint_gt(strangers, 1000);
	faults_reset();
	for (i = 0; i < nr; i++)
		ck_assert_call(io_getevents(contexts[i], 0, 1, &event, &none),
			       0);
	ck_assert_uint_eq(faults_calls(SYS_io_getevents), strangers);
	ck_assert_uint_eq(faults_calls(SYS_io_submit), 0);
	/* Their end is dear one by one, and cheap all at once. */
}
END_TEST

/* Of a file whose poll completes at once. */
static void submit_good(io_context_t ctx)
{
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	int ready = open("/dev/zero", O_RDONLY);

	io_prep_poll(&iocb, ready, POLLIN);
	ck_assert_call(io_submit(ctx, 1, list), 1);
	ck_assert_ok(close(ready));
}

/* Collects one that is there: how many calls that takes. */
static unsigned calls_to_collect(io_context_t ctx)
{
	unsigned before = faults_calls(SYS_io_getevents);
	struct io_event event;

	submit_good(ctx);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), 1);
	return faults_calls(SYS_io_getevents) - before;
}

START_TEST(a_wait_in_the_kernel_is_over_when_it_is_over)
{
	const unsigned expected = harness_has_ring() ? 0 : 1;
	io_context_t ctx = context();
	struct io_event event;

	ck_assert_uint_eq(calls_to_collect(ctx), expected);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &shortly), 0);
	ck_assert_uint_eq(calls_to_collect(ctx), expected);
	faults_fail(SYS_io_getevents, EINTR, 1);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), -EINTR);
	ck_assert_uint_eq(calls_to_collect(ctx), expected);
	ck_assert_call(io_getevents(ctx, 2, 1, &event, NULL), -EINVAL);
	ck_assert_uint_eq(calls_to_collect(ctx), expected);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

static io_context_t *replaced;

/* As another thread may, while this one is in the kernel. */
static void replace_context(void)
{
	io_context_t *ctx = replaced;

	faults_before_getevents(NULL);
	ck_assert_call(io_destroy(*ctx), 0);
	*ctx = context();
	ck_assert_uint_eq(calls_to_collect(*ctx), harness_has_ring() ? 0 : 1);
}

START_TEST(what_is_still_in_the_kernel_is_not_the_next_contexts)
{
	io_context_t ctx = context();
	struct io_event event;
	int ret;

	replaced = &ctx;
	faults_before_getevents(replace_context);
	ret = CALL(io_getevents(ctx, 1, 1, &event, &shortly));
	ck_assert(ret == -EINVAL || ret == 0);
	ck_assert_uint_eq(calls_to_collect(ctx), harness_has_ring() ? 0 : 1);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(a_stranger_raises_one_alarm)
{
	enum {
		KNOWN = 3
	};
	const unsigned expected = harness_has_ring() ? KNOWN : 0;
	kaio_context_t stranger = new_context(1);
	io_context_t ctx = (io_context_t)stranger;
	struct io_event event;
	unsigned i;

	for (i = 0; i < KNOWN; i++)
		context();
	ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), 0);
	ck_assert_uint_eq(faults_calls(SYS_io_submit), expected);
	for (i = 1; i <= 10; i++) {
		ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), 0);
		ck_assert_call(io_submit(ctx, 0, NULL), 0);
		ck_assert_uint_eq(faults_calls(SYS_io_submit), expected + i);
	}
}
END_TEST

/* One that has something to collect, if it were one. */
static void put_another_ring_there(io_context_t ctx, size_t field)
{
	unsigned *ring = (unsigned *)ctx;
	size_t size = (ring[1] + 1) * sizeof(struct io_event);
	unsigned *copy = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(copy, MAP_FAILED);
	memcpy(copy, ring, size);
	copy[3] = 1;
	copy[field]++;
	ck_assert_ok(kaio_destroy((kaio_context_t)ctx));
	ck_assert_ptr_eq(
		mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, ctx),
		ctx);
}

START_TEST(another_ring_at_its_address_is_the_kernels_to_judge)
{
	static const size_t fields[] = { 0 /* id */, 1 /* nr */,
					 4 /* magic */ };
	size_t i;

	for (i = 0; i < COUNT(fields); i++) {
		io_context_t ctx = context();
		struct io_event event;

		put_another_ring_there(ctx, fields[i]);
		ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), -EINVAL);
	}
}
END_TEST

Suite *suite_libaio_calls(void)
{
	const TTest *tests[] = {
		contexts_without_number_are_polled_by_one_call_each,
		a_wait_in_the_kernel_is_over_when_it_is_over,
		what_is_still_in_the_kernel_is_not_the_next_contexts,
		a_stranger_raises_one_alarm,
		another_ring_at_its_address_is_the_kernels_to_judge,
	};

	return harness_both_ways("libaio: calls", tests, COUNT(tests));
}
