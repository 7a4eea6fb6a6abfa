/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "seam.h"

#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define REFUSALS 256

long __real_syscall(long number, ...);
void *__real_mmap(void *start, size_t length, int protection, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *start, size_t length, int protection, int flags, int fd,
		  off_t offset);
int __real_munmap(void *start, size_t length);
int __wrap_munmap(void *start, size_t length);

_Thread_local struct seam_answer seam_submitted;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct fault *faults;
static size_t nr_faults;
static unsigned fired[FAULTS_MAX];
static unsigned positions[NR_CALLS];
static struct seam_log *record;
static bool lifted;
static bool gone;
static long mapped;
static struct {
	const struct kaio_iocb *iocb;
	int error;
} refusals[REFUSALS];
static size_t nr_refusals;

static int number_to_call(long number)
{
	switch (number) {
	case SYS_io_setup:
		return SETUP;
	case SYS_io_destroy:
		return DESTROY;
	case SYS_io_submit:
		return SUBMIT;
	case SYS_io_cancel:
		return CANCEL;
	case SYS_eventfd2:
		return EVENTFD;
	case SYS_write:
		return WRITE;
	case SYS_read:
		return READ;
	case SYS_madvise:
		return MADVISE;
	case SYS_mmap:
		return MMAP;
#ifdef SYS_io_getevents
	case SYS_io_getevents:
		return GETEVENTS;
#endif
#ifdef SYS_io_pgetevents
	case SYS_io_pgetevents:
		return PGETEVENTS;
#endif
#ifdef SYS_futex
	case SYS_futex:
		return FUTEX;
#endif
	}
	return NR_CALLS;
}

static bool is_getevents(enum call call)
{
	return call == GETEVENTS || call == PGETEVENTS;
}

static unsigned events_ready(const struct kaio_ring_header *ring)
{
	return (__atomic_load_n(&ring->tail, __ATOMIC_RELAXED) + ring->nr -
		__atomic_load_n(&ring->head, __ATOMIC_RELAXED)) %
	       ring->nr;
}

/* The most it can return: operations of a submission, or events that are there;
 * of a wait, one that will be. */
static unsigned most(enum call call, const long *a)
{
	unsigned ready;

	if (call == SUBMIT)
		return (unsigned)a[1];
	if (!is_getevents(call))
		return 0;
	ready = events_ready((const struct kaio_ring_header *)a[0]);
	if (!ready && a[1] > 0)
		ready = 1;
	return ready < (unsigned)a[2] ? ready : (unsigned)a[2];
}

static void note(enum call call, const long *a)
{
	if (record &&
	    record->nr < sizeof(record->calls) / sizeof(struct called))
		record->calls[record->nr++] =
			(struct called){ call, positions[call], most(call, a),
					 call == SUBMIT && a[1] == 0 };
}

static void refuse(const struct kaio_iocb *iocb, int error)
{
	if (error == EAGAIN || error == ENOMEM || error == EINTR ||
	    nr_refusals == REFUSALS)
		return;
	refusals[nr_refusals].iocb = iocb;
	refusals[nr_refusals++].error = error;
}

/* Events that a call leaves came after it, and raised their eventfd then. */
static void leave_events(const long *a, unsigned count)
{
	const struct kaio_ring_header *ring =
		(const struct kaio_ring_header *)a[0];
	const struct kaio_event *events = (const struct kaio_event *)(ring + 1);
	uint32_t head = __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
	const struct kaio_iocb *iocb;
	const uint64_t one = 1;

	if (count >= events_ready(ring))
		return;
	iocb = kaio_event_iocb(events + (head + count) % ring->nr);
	if (iocb->flags & KAIO_IOCB_RESFD)
		__real_syscall(SYS_write, iocb->resfd, &one, sizeof(one));
}

/* Changes the call so that it returns so many. */
static void shorten(enum call call, long *a, long count)
{
	if (call == SUBMIT && count < a[1])
		a[1] = count;
	if (!is_getevents(call))
		return;
	leave_events(a, (unsigned)count);
	if (count < a[2])
		a[2] = count;
	if (a[1] > a[2])
		a[1] = a[2];
}

/*
 * What makes the failure true: an eventfd that is full is readable, one that is
 * empty was read by others, and a context that does not exist was destroyed;
 * but the ring stays, as nobody may read one that somebody else destroys.
 */
static void make_true(enum call call, int error, const long *a)
{
	if (call == WRITE || call == READ)
		__real_syscall(call == WRITE ? SYS_write : SYS_read, a[0], a[1],
			       a[2]);
	if (is_getevents(call) && error == EINTR)
		leave_events(a, 0);
	if (call == DESTROY && error == EINVAL)
		__real_syscall(SYS_io_destroy, a[0]);
	if (call != SUBMIT)
		return;
	if (a[1] > 0)
		refuse(((struct kaio_iocb **)a[2])[0], error);
	else if (error == EINVAL)
		gone = true;
}

/* A positive errno, or 0 and the arguments may be others. */
static int apply(enum call call, int outcome, long *a)
{
	if (call == SUBMIT && a[1] > 0)
		seam_submitted =
			(struct seam_answer){ outcome > 0 ? outcome : 0,
					      outcome > 0 ? -1 : -outcome };
	if (outcome > 0)
		make_true(call, outcome, a);
	else
		shorten(call, a, -outcome);
	return outcome > 0 ? outcome : 0;
}

static int decide(enum call call, long *a)
{
	size_t i;

	if (gone && (call == SUBMIT || call == CANCEL || is_getevents(call)))
		return EINVAL;
	for (i = 0; i < nr_faults; i++) {
		const struct fault *fault = faults + i;
		bool now = fault->lasts ? !lifted && positions[call] >=
							     fault->position
					: positions[call] == fault->position;

		if (fault->call != call || !now)
			continue;
		fired[i]++;
		return apply(call, fault->outcome, a);
	}
	return 0;
}

static int before(long number, long *a)
{
	int call = number_to_call(number);
	int error;

	if (call == NR_CALLS)
		return 0;
	/* A wake, which returns no error. */
	if (call == FUTEX && a[1] & 1)
		return 0;
	pthread_mutex_lock(&lock);
	if (call == SUBMIT && a[1] > 0)
		seam_submitted = (struct seam_answer){ 0, -1 };
	positions[call]++;
	note((enum call)call, a);
	error = decide((enum call)call, a);
	pthread_mutex_unlock(&lock);
	return error;
}

void *__wrap_mmap(void *start, size_t length, int protection, int flags, int fd,
		  off_t offset)
{
	long a[6] = { 0 };
	int error = before(SYS_mmap, a);
	void *memory = MAP_FAILED;

	if (error)
		errno = error;
	else
		memory = __real_mmap(start, length, protection, flags, fd,
				     offset);
	if (memory != MAP_FAILED)
		mapped += (long)length;
	return memory;
}

int __wrap_munmap(void *start, size_t length)
{
	mapped -= (long)length;
	return __real_munmap(start, length);
}

void seam_begin(const struct fault *list, size_t nr, struct seam_log *log)
{
	size_t i;

	faults = list;
	nr_faults = nr;
	record = log;
	mapped = 0;
	for (i = 0; i < nr; i++)
		if (list[i].call == MEMORY)
			faults_fail_memory(list[i].position - 1);
	faults_allocations = 0;
	faults_before_call(before);
}

void seam_lift(void)
{
	pthread_mutex_lock(&lock);
	lifted = true;
	pthread_mutex_unlock(&lock);
}

static bool has_fired(size_t i)
{
	if (faults[i].call == MEMORY)
		return faults_allocations >= (long)faults[i].position;
	return fired[i];
}

bool seam_is_complete(void)
{
	size_t i;

	for (i = 0; i < nr_faults; i++)
		if (!has_fired(i))
			return false;
	return true;
}

bool seam_failed(enum call call, int error)
{
	bool failed = false;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nr_faults; i++)
		if (faults[i].call == call && faults[i].outcome == error)
			failed |= has_fired(i);
	pthread_mutex_unlock(&lock);
	return failed;
}

bool seam_may_exhaust(int error)
{
	bool may = false;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nr_faults; i++)
		if (faults[i].call == SUBMIT && faults[i].lasts && fired[i])
			may |= faults[i].outcome == error ||
			       (faults[i].outcome == 0 && error == EAGAIN);
	pthread_mutex_unlock(&lock);
	return may;
}

int seam_refusal(const struct kaio_iocb *iocb)
{
	int error = 0;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nr_refusals; i++)
		if (refusals[i].iocb == iocb)
			error = refusals[i].error;
	pthread_mutex_unlock(&lock);
	return error;
}

void seam_forget_refusal(const struct kaio_iocb *iocb)
{
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < nr_refusals; i++)
		if (refusals[i].iocb == iocb)
			refusals[i].iocb = NULL;
	pthread_mutex_unlock(&lock);
}

bool seam_is_gone(void)
{
	bool is_gone;

	pthread_mutex_lock(&lock);
	is_gone = gone;
	pthread_mutex_unlock(&lock);
	return is_gone;
}

long seam_mapped(void)
{
	return mapped;
}

void seam_end(void)
{
	long nr = faults_allocations;
	long i;

	faults_before_call(NULL);
	for (i = 1; record && i <= nr; i++) {
		positions[MEMORY] = (unsigned)i;
		note(MEMORY, (long[6]){ 0 });
	}
}
