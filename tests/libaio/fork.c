/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: a child, and what it may do with a parent's context. */
#include "fixture-libaio.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#define NR 16

static struct timespec none;
static int null_fd;

/*
 * Children assert nothing: another thread of the parent may have held the lock
 * of a file that Check writes to.
 */
static void good(struct iocb *iocb, size_t number)
{
	static char byte;

	io_prep_pwrite(iocb, null_fd, &byte, 1, 0);
	iocb->data = (void *)number;
}

static bool all_refused(io_context_t ctx)
{
	struct timespec second = { 1, 0 };
	struct io_event events[NR];
	struct iocb iocb;
	struct iocb *list[] = { &iocb };

	good(&iocb, 0);
	return io_getevents(ctx, 0, NR, events, &none) == -EINVAL &&
	       io_getevents(ctx, 1, NR, events, &second) == -EINVAL &&
	       io_getevents(ctx, 1, NR, events, NULL) == -EINVAL &&
	       io_pgetevents(ctx, 1, NR, events, NULL, NULL) == -EINVAL &&
	       io_queue_run(ctx) == -EINVAL &&
	       io_submit(ctx, 0, NULL) == -EINVAL &&
	       io_submit(ctx, 1, list) == -EINVAL &&
	       io_cancel(ctx, &iocb, events) == -EINVAL &&
	       io_destroy(ctx) == -EINVAL;
}

static void collect_all(io_context_t ctx, struct tally *tally)
{
	while (tally_total(tally) < tally->nr) {
		struct io_event events[3];
		int ret = io_getevents(ctx, 1, 3, events, NULL);

		ck_assert_int_gt(ret, 0);
		tally_add(tally, events, ret);
	}
	tally_end(tally);
}

/* Before, between and after the parent's own calls. */
START_TEST(a_child_is_refused_and_the_parent_loses_nothing)
{
	io_context_t ctx = libaio_context(NR);
	struct io_event events[NR];
	struct tally tally;

	tally_begin(&tally, NR);
	libaio_submit_good(ctx, 0, NR / 2);
	IN_CHILD(all_refused(ctx));
	ck_assert_call(io_getevents(ctx, 1, 3, events, NULL), 3);
	tally_add(&tally, events, 3);
	IN_CHILD(all_refused(ctx));
	libaio_submit_good(ctx, NR / 2, NR / 2);
	IN_CHILD(all_refused(ctx));
	collect_all(ctx, &tally);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(an_empty_context_is_einval_in_a_child)
{
	io_context_t ctx = libaio_context(NR);

	if (libaio_is_foreign())
		SKIP("libaio returns 0, from the parent's ring");
	IN_CHILD(all_refused(ctx));
	libaio_submit_good(ctx, 0, 1);
	IN_CHILD(all_refused(ctx));
	ck_assert_int_eq(io_queue_release(ctx), 0);
	IN_CHILD(all_refused(ctx));
}
END_TEST

static bool is_well(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* Sets up a context and uses it. */
static bool lives(void)
{
	struct timespec second = { 1, 0 };
	struct io_event events[NR];
	io_context_t ctx = NULL;
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	size_t i;

	if (io_queue_init(NR, &ctx) != 0)
		return false;
	for (i = 0; i < 300; i++) {
		struct timespec *timeout = i % 3 == 0	? &none
					   : i % 3 == 1 ? &second
							: NULL;

		good(&iocb, i);
		if (io_submit(ctx, 1, list) != 1 ||
		    io_getevents(ctx, 1, NR, events, timeout) != 1 ||
		    (size_t)events[0].data != i || (long)events[0].res != 1)
			return false;
	}
	return io_getevents(ctx, 0, NR, events, &none) == 0 &&
	       io_destroy(ctx) == 0;
}

static bool child_lives(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(!lives());
	return is_well(child);
}

START_TEST(a_child_can_use_its_own_context)
{
	io_context_t ctx = libaio_context(NR);
	struct tally tally;

	tally_begin(&tally, NR);
	libaio_submit_good(ctx, 0, NR);
	IN_CHILD(lives());
	IN_CHILD(lives() && child_lives() && lives());
	collect_all(ctx, &tally);
	ck_assert(lives());
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* If the kernel puts it there. */
START_TEST(its_own_context_can_have_the_parents_address)
{
	io_context_t ctx = libaio_context(NR);
	pid_t child;

	child = fork();
	if (child == 0) {
		struct io_event event;
		io_context_t own = NULL;
		struct iocb iocb;
		struct iocb *list[] = { &iocb };

		(void)munmap(ctx, libaio_ring_size(ctx));
		good(&iocb, 5);
		_exit(!(io_setup(NR, &own) == 0 &&
			io_getevents(own, 0, 1, &event, &none) == 0 &&
			io_submit(own, 1, list) == 1 &&
			io_getevents(own, 1, 1, &event, &none) == 1 &&
			event.obj == &iocb && io_destroy(own) == 0));
	}
	libaio_join_child(child);
	libaio_submit_good(ctx, 0, 1);
	ck_assert_call(io_queue_run(NULL), -EINVAL);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

static io_context_t shared;
static bool over;

/* Is in the library most of the time. */
static void *stay_busy(void *unused)
{
	size_t i;

	(void)unused;
	for (i = 0; !__atomic_load_n(&over, __ATOMIC_ACQUIRE); i++) {
		struct timespec shortly = { 0, 10000 };
		struct io_event events[2];

		libaio_submit_good(shared, i, 1);
		ck_assert_int_ge(io_getevents(shared, i % 2, 2, events,
					      i % 3 ? &none : &shortly),
				 0);
	}
	return NULL;
}

static void *come_and_go(void *unused)
{
	(void)unused;
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		io_context_t ctx = libaio_context(1);

		ck_assert_int_eq(io_destroy(ctx), 0);
	}
	return NULL;
}

START_TEST(forks_find_other_threads_anywhere_in_the_library)
{
	pthread_t threads[3];
	size_t i;

	shared = libaio_context(64);
	ck_assert_ok(pthread_create(&threads[0], NULL, stay_busy, NULL));
	ck_assert_ok(pthread_create(&threads[1], NULL, stay_busy, NULL));
	ck_assert_ok(pthread_create(&threads[2], NULL, come_and_go, NULL));
	for (i = 0; i < 40; i++)
		IN_CHILD((libaio_is_foreign() || all_refused(shared)) &&
			 lives());
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (i = 0; i < COUNT(threads); i++)
		ck_assert_ok(pthread_join(threads[i], NULL));
	ck_assert_call(io_destroy(shared), 0);
}
END_TEST

Suite *suite_libaio_fork(void)
{
	const TTest *tests[] = {
		a_child_is_refused_and_the_parent_loses_nothing,
		an_empty_context_is_einval_in_a_child,
		a_child_can_use_its_own_context,
		its_own_context_can_have_the_parents_address,
		forks_find_other_threads_anywhere_in_the_library,
	};

	if (!null_fd)
		null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return libaio_suite("libaio: fork", tests, COUNT(tests));
}
