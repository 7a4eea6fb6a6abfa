/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* fs.aio-max-nr used up by another process, and free again. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* All that it can get, with ever smaller contexts; until the pipe is closed. */
static void use_up(int told, int until)
{
	unsigned nr_events = 32768;
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (nr_events) {
		kaio_context_t ctx = 0;

		if (kaio_setup(nr_events, &ctx) < 0)
			nr_events /= 2;
	}
	if (write(told, &byte, 1) != 1 || read(until, &byte, 1) != 0)
		_exit(1);
	_exit(0);
}

static int create(uint32_t flags, struct kaio_queue **queue)
{
	const struct kaio_queue_params params = { .flags = flags };

	return kaio_queue_create(queue, 64, &params);
}

/* The whole system has none meanwhile: it is done when asked for. */
START_TEST(a_quota_that_is_used_up_is_eagain_until_it_is_free)
{
	struct kaio_queue *queue, *old = fixture_queue(4, 0);
	int told[2], until[2];
	struct kaio_iocb iocb;
	int64_t result;
	pid_t child;
	int refused[3];
	char byte;

	if (!getenv("KAIO_TEST_QUOTA"))
		SKIP("it takes the quota of all programs: KAIO_TEST_QUOTA=1");
	ck_assert_ok(pipe2(told, O_CLOEXEC));
	ck_assert_ok(pipe2(until, O_CLOEXEC));
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		close(until[1]);
		use_up(told[1], until[0]);
	}
	ck_assert_int_eq(read(told[0], &byte, 1), 1);
	refused[0] = create(0, &queue);
	refused[1] = create(KAIO_QUEUE_SHRINK, &queue);
	refused[2] = create(KAIO_QUEUE_SHARED, &queue);
	close(until[1]);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(refused[0], -EAGAIN);
	ck_assert_int_eq(refused[1], -EAGAIN);
	ck_assert_int_eq(refused[2], -EAGAIN);
	/* One that is there needs no more of it. */
	fixture_good(&iocb);
	ck_assert_ok(kaio_queue_push(old, &iocb));
	fixture_collect_all(old, 1, &iocb, 1, &result);
	ck_assert_ok(create(0, &queue));
	ck_assert_ok(kaio_queue_destroy(queue));
	ck_assert_ok(kaio_queue_destroy(old));
}
END_TEST

Suite *suite_world_quota(void)
{
	const TTest *tests[] = {
		a_quota_that_is_used_up_is_eagain_until_it_is_free,
	};

	return harness_suite("world: quota", tests, COUNT(tests));
}
