/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "fixture-libaio.h"

#include "faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* The harness calls it: there are no faults in a shared library. */
void faults_reset(void)
{
}

bool libaio_is_foreign(void)
{
	const char *foreign = getenv("KAIO_TEST_FOREIGN_LIBAIO");

	return foreign && strcmp(foreign, "1") == 0;
}

/* The shared library of this build; or the static one, in the program. */
static bool is_ours(void)
{
	char ours[PATH_MAX], used[PATH_MAX];
	Dl_info info;

	if (!dlsym(RTLD_DEFAULT, "io_submit"))
		return true;
	(void)dladdr(dlsym(RTLD_DEFAULT, "io_submit"), &info);
	printf("io_submit is of %s\n", info.dli_fname);
	return realpath(info.dli_fname, used) &&
	       realpath(LIBAIO_DIR "/libaio.so.1", ours) &&
	       strcmp(used, ours) == 0;
}

Suite *libaio_suite(const char *name, const TTest *const *tests, size_t nr)
{
	if (is_ours() == libaio_is_foreign()) {
		printf("This is %s.\n",
		       libaio_is_foreign() ? "ours" : "not our library");
		exit(99);
	}
	return harness_all_ways(name, tests, nr);
}

size_t libaio_amount(const char *variable, size_t otherwise)
{
	const char *value = getenv(variable);

	return value ? strtoul(value, NULL, 10) : otherwise;
}

io_context_t libaio_context(int maxevents)
{
	io_context_t ctx = NULL;

	ck_assert_call(io_setup(maxevents, &ctx), 0);
	ck_assert_ptr_nonnull(ctx);
	return ctx;
}

void libaio_good(struct iocb *iocb, size_t number)
{
	static _Thread_local int fd = -1;

	if (fd < 0)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	io_prep_pwrite(iocb, fd, (void *)(uintptr_t) "", 1, 0);
	iocb->data = (void *)number;
}

int libaio_endless(struct iocb *iocb, size_t number)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	io_prep_poll(iocb, fd, POLLIN);
	iocb->data = (void *)number;
	return fd;
}

void libaio_submit_good(io_context_t ctx, size_t first, size_t nr)
{
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	size_t i;

	for (i = first; i < first + nr; i++) {
		libaio_good(&iocb, i);
		ck_assert_call(io_submit(ctx, 1, list), 1);
	}
}

long libaio_result(io_context_t ctx, struct iocb *iocb)
{
	struct io_event event;

	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), 1);
	ck_assert_ptr_eq(event.obj, iocb);
	ck_assert_ptr_eq(event.data, iocb->data);
	ck_assert_int_eq((long)event.res2, 0);
	return (long)event.res;
}

static int without_mask(io_context_t ctx, long min_nr, long nr,
			struct io_event *events, struct timespec *timeout)
{
	return io_pgetevents(ctx, min_nr, nr, events, timeout, NULL);
}

static int with_mask(io_context_t ctx, long min_nr, long nr,
		     struct io_event *events, struct timespec *timeout)
{
	sigset_t mask;

	ck_assert_ok(sigprocmask(SIG_SETMASK, NULL, &mask));
	return io_pgetevents(ctx, min_nr, nr, events, timeout, &mask);
}

const libaio_waiter libaio_waiters[] = { io_getevents, without_mask,
					 with_mask };

struct libaio_ring *libaio_ring(io_context_t ctx)
{
	struct libaio_ring *ring = (struct libaio_ring *)ctx;

	ck_assert_uint_eq(ring->magic, 0xa10a10a1);
	return ring;
}

size_t libaio_ring_size(io_context_t ctx)
{
	return (libaio_ring(ctx)->nr + 1) * sizeof(struct io_event);
}

int libaio_raw_destroy(io_context_t ctx)
{
	return (int)syscall(SYS_io_destroy, ctx);
}

void libaio_refused_by_all(io_context_t ctx)
{
	struct timespec none = { 0, 0 };
	struct timespec second = { 1, 0 };
	struct io_event event;
	struct iocb iocb;
	struct iocb *list[] = { &iocb };

	libaio_good(&iocb, 0);
	ck_assert_call(io_getevents(ctx, 0, 1, &event, &none), -EINVAL);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, &second), -EINVAL);
	ck_assert_call(io_getevents(ctx, 1, 1, &event, NULL), -EINVAL);
	ck_assert_call(io_pgetevents(ctx, 0, 1, &event, &none, NULL), -EINVAL);
	ck_assert_call(io_pgetevents(ctx, 1, 1, &event, NULL, NULL), -EINVAL);
	ck_assert_call(io_queue_run(ctx), -EINVAL);
	ck_assert_call(io_submit(ctx, 0, NULL), -EINVAL);
	ck_assert_call(io_submit(ctx, 1, list), -EINVAL);
	ck_assert_call(io_cancel(ctx, &iocb, &event), -EINVAL);
	ck_assert_call(io_destroy(ctx), -EINVAL);
	ck_assert_call(io_queue_release(ctx), -EINVAL);
}

void tally_begin(struct tally *tally, size_t nr)
{
	*tally = (struct tally){ .nr = nr };
	tally->seen = fixture_buffer(nr);
}

void tally_add(struct tally *tally, const struct io_event *events, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		size_t number = (size_t)events[i].data;

		if (number >= tally->nr || (long)events[i].res != 1) {
			__atomic_add_fetch(&tally->strange, 1,
					   __ATOMIC_RELAXED);
			continue;
		}
		__atomic_add_fetch(&tally->seen[number], 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&tally->total, 1, __ATOMIC_RELEASE);
	}
}

size_t tally_total(const struct tally *tally)
{
	return __atomic_load_n(&tally->total, __ATOMIC_ACQUIRE);
}

void tally_end(const struct tally *tally)
{
	size_t lost = 0;
	size_t doubled = 0;
	size_t i;

	for (i = 0; i < tally->nr; i++) {
		lost += tally->seen[i] == 0;
		doubled += tally->seen[i] > 1;
	}
	ck_assert_msg(lost == 0 && doubled == 0 && tally->strange == 0,
		      "of %zu, %zu lost, %zu doubled, and %zu strange",
		      tally->nr, lost, doubled, tally->strange);
	ck_assert_uint_eq(tally_total(tally), tally->nr);
}

void libaio_join_child(pid_t child)
{
	int status;

	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status), "the child died of signal %d",
		      WTERMSIG(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
