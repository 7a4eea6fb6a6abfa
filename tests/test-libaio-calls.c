/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: which system calls it makes, and how many. */
#include "../lib/libaio-registry.h"
#include "calls.h"
#include "faults.h"

#include <libaio.h>

#include <fcntl.h>
#include <sys/syscall.h>

static struct timespec none;

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

int main(void)
{
	const TTest *tests[] = {
		contexts_without_number_are_polled_by_one_call_each,
	};

	(void)context;
	return harness_run_both_ways("libaio: calls", tests, COUNT(tests));
}
