/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The workloads on the drop-in. A program of libaio's has to do the rest by
 * itself: what a submission leaves, it submits again.
 */
#include "check.h"
#include "libaio/registry.h"
#include "seam.h"
#include "workloads.h"

#include <libaio.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

/* Of programs that were linked before the header lost it. */
int io_queue_wait(io_context_t context, struct timespec *timeout);

#define RECORDS 64
#define ROOM 8
#define TRIES 64

enum kind {
	GOOD,
	POLLED
};

struct record {
	struct iocb iocb;
	enum kind kind;
	bool submitted;
	bool cancelled;
	unsigned seen; /* atomic */
};

static struct record records[RECORDS];
static unsigned nr_records;
static unsigned nr_submitted; /* atomic */
static unsigned nr_seen;      /* atomic */
static unsigned nr_called;
static io_context_t ctx;
static int null;
static int polled[2];

static bool begin(int maxevents)
{
	int tries;

	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	EXPECT(null >= 0 && pipe2(polled, O_CLOEXEC) == 0);
	for (tries = 0; tries < 4; tries++) {
		int ret = CALL(io_queue_init(maxevents, &ctx));

		if (ret == 0)
			return true;
		EXPECT(seam_failed(SETUP, -ret));
	}
	close(null);
	close(polled[0]);
	close(polled[1]);
	return false;
}

static struct record *prepare(enum kind kind)
{
	struct record *record = records + nr_records++;

	EXPECT(nr_records <= RECORDS);
	record->kind = kind;
	if (kind == POLLED)
		io_prep_poll(&record->iocb, polled[0], POLLIN);
	else
		io_prep_pwrite(&record->iocb, null, (void *)(uintptr_t) "", 1,
			       0);
	record->iocb.data = record;
	return record;
}

/* As the kernel, or the fault, has answered. */
static int submit_once(struct iocb **iocbs, int nr)
{
	int ret = CALL(io_submit(ctx, nr, iocbs));
	const struct seam_answer answer = seam_submitted;

	if (seam_is_gone())
		EXPECT(ret == -EINVAL);
	else if (answer.error)
		EXPECT(ret == -answer.error);
	else
		EXPECT(ret == (answer.count < 0 || answer.count > nr
				       ? nr
				       : answer.count));
	return ret;
}

static void submit(enum kind kind, int nr)
{
	struct iocb *iocbs[ROOM];
	int done = 0;
	int tries = 0;
	int i;

	for (i = 0; i < nr; i++)
		iocbs[i] = &prepare(kind)->iocb;
	while (done < nr && !seam_is_gone()) {
		int ret;

		for (i = done; i < nr; i++)
			((struct record *)iocbs[i]->data)->submitted = true;
		ret = submit_once(iocbs + done, nr - done);
		if (ret > 0) {
			__atomic_add_fetch(&nr_submitted, (unsigned)ret,
					   __ATOMIC_RELEASE);
			done += ret;
		} else {
			seam_lift();
		}
		EXPECT(++tries < TRIES);
	}
}

static void see(const struct io_event *event)
{
	struct record *record = event->data;
	long res = (long)event->res;

	EXPECT(record >= records && record < records + nr_records);
	EXPECT(&record->iocb == event->obj);
	EXPECT(record->submitted && event->res2 == 0);
	if (__atomic_fetch_add(&record->seen, 1, __ATOMIC_RELAXED))
		check_fail("an event came twice");
	if (record->kind == POLLED)
		EXPECT(res & POLLIN || (res == 0 && record->cancelled));
	else
		EXPECT(res == 1);
	__atomic_add_fetch(&nr_seen, 1, __ATOMIC_RELEASE);
}

static void check_collected(int ret)
{
	if (ret >= 0)
		return;
	if (!seam_is_gone() && !seam_failed(GETEVENTS, -ret) &&
	    !seam_failed(PGETEVENTS, -ret))
		check_fail("it returns %d", ret);
	seam_lift();
}

static int collect(long min, long nr, struct timespec *timeout)
{
	struct io_event events[ROOM];
	int ret = CALL(io_getevents(ctx, min, nr, events, timeout));
	int i;

	for (i = 0; i < ret; i++)
		see(&events[i]);
	check_collected(ret);
	return ret;
}

static unsigned missing(void)
{
	return __atomic_load_n(&nr_submitted, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(&nr_seen, __ATOMIC_ACQUIRE);
}

static void collect_all(void)
{
	int tries = 0;

	while (missing() && !seam_is_gone()) {
		collect(1, ROOM, NULL);
		EXPECT(++tries < TRIES);
	}
}

static void cancel(struct record *record)
{
	struct io_event event;
	int ret;

	record->cancelled = true;
	ret = CALL(io_cancel(ctx, &record->iocb, &event));
	if (ret == -EINPROGRESS)
		return;
	EXPECT(seam_failed(CANCEL, -ret) || seam_is_gone());
	record->cancelled = false;
	EXPECT(write(polled[1], "", 1) == 1);
}

static void expect_no_lock(void)
{
	const struct context *context = kaio_registry_find((kaio_context_t)ctx);

	EXPECT(!context || (!context->owner && !context->in_kernel));
}

static void end(void)
{
	int tries;

	for (tries = 0; tries < 4; tries++) {
		int ret;

		seam_lift();
		submit(GOOD, 2);
		collect_all();
		expect_no_lock();
		ret = CALL(io_queue_release(ctx));
		if (ret == 0 ||
		    (ret == -EINVAL && seam_failed(DESTROY, EINVAL)))
			break;
		EXPECT(seam_failed(DESTROY, -ret));
	}
	EXPECT(tries < 4);
	EXPECT(CALL(io_submit(ctx, 0, NULL)) < 0);
	close(null);
	close(polled[0]);
	close(polled[1]);
}

void workload_libaio(void)
{
	struct timespec none = { 0, 0 };
	struct timespec soon = { 0, 1000000 };
	struct io_event events[ROOM];
	sigset_t signals;
	int ret;
	int i;

	if (!begin(8))
		return;
	submit(GOOD, 5);
	collect(0, 2, &none);
	collect(2, 2, NULL);
	collect(1, ROOM, &none);
	collect(1, ROOM, &soon);
	collect_all();
	submit(POLLED, 1);
	submit(GOOD, 3);
	collect(2, 4, &soon);
	cancel(records + 5);
	collect_all();
	submit(GOOD, 3);
	sigemptyset(&signals);
	ret = CALL(io_pgetevents(ctx, 1, ROOM, events, NULL, &signals));
	for (i = 0; i < ret; i++)
		see(&events[i]);
	check_collected(ret);
	collect_all();
	end();
}

static void called(io_context_t context, struct iocb *iocb, long res, long res2)
{
	EXPECT(context == ctx);
	EXPECT(res == 1 && res2 == 0);
	EXPECT(iocb == &records[nr_called].iocb);
	nr_called++;
}

/* Callbacks, in the order of submission. */
void workload_libaio_run(void)
{
	struct iocb *iocb;
	int tries = 0;
	int ret;
	int i;

	if (!begin(4))
		return;
	for (i = 0; i < 4; i++) {
		iocb = &prepare(GOOD)->iocb;
		io_set_callback(iocb, called);
		while ((ret = submit_once(&iocb, 1)) != 1 && !seam_is_gone()) {
			seam_lift();
			EXPECT(++tries < TRIES);
		}
		if (i % 2) {
			ret = CALL(io_queue_run(ctx));
			check_collected(ret);
		}
	}
	while (nr_called < 4 && !seam_is_gone()) {
		ret = CALL(io_queue_wait(ctx, NULL));
		check_collected(ret);
		ret = CALL(io_queue_run(ctx));
		check_collected(ret);
		EXPECT(++tries < TRIES);
	}
	end();
}

static bool stopping; /* atomic */

static void *collector(void *arg)
{
	(void)arg;
	while (!seam_is_gone() &&
	       (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE) || missing()))
		collect(1, ROOM, &(struct timespec){ 0, 2000000 });
	return NULL;
}

/* Threads collect what this one submits. */
void workload_libaio_threads(void)
{
	pthread_t threads[2];
	int i;

	if (!begin(32))
		return;
	for (i = 0; i < 2; i++)
		EXPECT(pthread_create(&threads[i], NULL, collector, NULL) == 0);
	for (i = 0; i < 6; i++) {
		submit(GOOD, 3);
		while (i == 2 && missing() && !seam_is_gone())
			sched_yield();
	}
	__atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	end();
}
