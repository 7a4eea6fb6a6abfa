/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "ledger.h"

#include "check.h"
#include "seam.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define POLLS 6

void (*ledger_completed)(struct record *record);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct record records[RECORDS];
static unsigned nr_records;
static int null = -1;
static int polled[POLLS];
static unsigned nr_polled;

void ledger_open(void)
{
	unsigned i;

	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	EXPECT(null >= 0);
	for (i = 0; i < POLLS; i++) {
		polled[i] = eventfd(0, EFD_CLOEXEC);
		EXPECT(polled[i] >= 0);
	}
}

static bool is_right(const struct record *record, int64_t res)
{
	int refusal = seam_refusal(&record->op.iocb);

	if (refusal)
		return res == -refusal;
	if (res < 0 && seam_may_exhaust((int)-res))
		return true;
	switch (record->kind) {
	case GOOD:
		return res == (record->cancelled ? -ECANCELED : 1);
	case BAD:
		return res == (record->cancelled ? -ECANCELED : -EBADF);
	case POLL:
		return (record->fired && res & POLLIN) ||
		       (record->cancelled && (res == 0 || res == -ECANCELED));
	}
	return false;
}

static void see(struct record *record, int64_t res)
{
	size_t which = (size_t)(record - records);

	pthread_mutex_lock(&lock);
	if (which >= nr_records || !record->accepted)
		check_fail("a completion of no operation");
	if (record->seen++)
		check_fail("operation %zu completed twice", which);
	if (!is_right(record, res))
		check_fail("operation %zu completed with %lld", which,
			   (long long)res);
	pthread_mutex_unlock(&lock);
}

static void complete(struct kaio_op *op, int64_t res)
{
	see((struct record *)op, res);
	if (ledger_completed)
		ledger_completed((struct record *)op);
}

static struct record *prepare(enum kind kind)
{
	struct record *record;
	struct kaio_iocb *iocb;

	pthread_mutex_lock(&lock);
	EXPECT(nr_records < RECORDS);
	record = records + nr_records++;
	record->kind = kind;
	record->op.complete = complete;
	iocb = &record->op.iocb;
	if (kind == POLL) {
		EXPECT(nr_polled < POLLS);
		record->fd = polled[nr_polled++];
		kaio_prep_poll(iocb, record->fd, POLLIN);
	} else {
		kaio_prep_pwrite(iocb, kind == GOOD ? null : -1, "", 1, 0);
	}
	kaio_iocb_set_data64(iocb, nr_records);
	/* Another thread may collect it before the push returns. */
	record->accepted = true;
	pthread_mutex_unlock(&lock);
	return record;
}

struct record *ledger_push(struct kaio_queue *queue, enum kind kind)
{
	struct record *record = prepare(kind);
	int ret = CALL(kaio_queue_push(queue, &record->op.iocb));

	if (ret) {
		EXPECT(ret == -EINVAL && seam_is_gone());
		record->accepted = false;
	}
	return record;
}

void ledger_fire(struct record *record)
{
	const uint64_t one = 1;

	record->fired = true;
	EXPECT(write(record->fd, &one, sizeof(one)) == sizeof(one));
}

void ledger_cancel(struct kaio_queue *queue, struct record *record)
{
	int ret;

	/* It may complete, in another thread, before the call returns. */
	pthread_mutex_lock(&lock);
	record->cancelled = true;
	pthread_mutex_unlock(&lock);
	ret = CALL(kaio_queue_cancel(queue, &record->op.iocb));
	if (ret == 0)
		return;
	EXPECT(ret == -EBUSY || (ret == -EINVAL && seam_is_gone()));
	pthread_mutex_lock(&lock);
	record->cancelled = false;
	pthread_mutex_unlock(&lock);
	if (record->kind == POLL)
		ledger_fire(record);
}

void ledger_collect(const struct kaio_event *events, int nr)
{
	for (; nr > 0; nr--, events++) {
		struct record *record =
			(struct record *)kaio_event_iocb(events);

		see(record, events->res);
		EXPECT(events->data == record->op.iocb.data);
		EXPECT(events->res2 == 0);
	}
}

unsigned ledger_missing(void)
{
	unsigned missing = 0;
	unsigned i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nr_records; i++)
		missing += records[i].accepted && !records[i].seen;
	pthread_mutex_unlock(&lock);
	return missing;
}
