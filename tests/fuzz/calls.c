/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The system calls of the simulated kernel. */
#include "kernel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* How long a sleep lasts for one bit of the input. */
#define TIME_STEP 131072

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool is_alive(unsigned long ctx)
{
	return kernel.alive && ctx == (unsigned long)kernel.ring;
}

long kernel_setup(unsigned nr, unsigned long *ctx)
{
	struct kaio_ring_header *ring;

	expect(*ctx == 0 && !kernel.ring, "a second context");
	if (kernel.setup_errors_left) {
		kernel.setup_errors_left--;
		return -kernel.setup_error;
	}
	expect(nr && nr <= FLIGHTS_MAX, "the depth of a context");
	kernel.nr = nr + 1 + kernel.spare;
	ring = malloc((kernel.nr + 1) * sizeof(struct kaio_event));
	memset(ring, 0, (kernel.nr + 1) * sizeof(struct kaio_event));
	*ring = (struct kaio_ring_header){ .nr = kernel.nr,
					   .magic = KAIO_RING_MAGIC,
					   .compat_features = 1,
					   .header_length = sizeof(*ring) };
	kernel.ring = ring;
	kernel.alive = true;
	*ctx = (unsigned long)ring;
	return 0;
}

/* What is in flight completes, and nobody will know. */
long kernel_destroy(unsigned long ctx)
{
	if (!is_alive(ctx))
		return -EINVAL;
	while (kernel.nr_flights)
		if (!kernel_complete(0))
			kernel_complete_as(kernel.flights, 0);
	kernel.alive = false;
	free(kernel.ring);
	kernel.ring = NULL;
	return 0;
}

void kernel_kill(void)
{
	kernel.alive = false;
	kernel.nr_flights = 0;
}

static uint64_t size_of(const struct kaio_iocb *iocb)
{
	const struct iovec *iov = (const struct iovec *)(uintptr_t)iocb->buf;
	uint64_t size = 0;
	uint64_t i;

	if (iocb->lio_opcode < KAIO_OP_PREADV)
		return iocb->nbytes;
	for (i = 0; i < iocb->nbytes; i++)
		size += iov[i].iov_len;
	return size;
}

static bool is_eventfd(uint32_t fd)
{
	return fd - FD_EVENTFD < EVENTFDS &&
	       kernel.eventfds[fd - FD_EVENTFD].open;
}

static int refusal_of(const struct kaio_iocb *iocb)
{
	if (iocb->reserved2)
		return EINVAL;
	if (kernel.nr_flights + kernel_unread() >= kernel.nr - 1)
		return EAGAIN;
	if (iocb->fildes == FD_BAD || iocb->fildes > INT32_MAX)
		return EBADF;
	if (iocb->flags & KAIO_IOCB_RESFD && !is_eventfd(iocb->resfd))
		return iocb->resfd == FD_GOOD ? EINVAL : EBADF;
	if (iocb->lio_opcode > KAIO_OP_PWRITEV || iocb->lio_opcode == 4 ||
	    iocb->lio_opcode == 6)
		return EINVAL;
	return 0;
}

/* The eventfd of a wakeup may be readable already. */
static void take(struct kaio_iocb *iocb)
{
	struct flight *flight = kernel.flights + kernel.nr_flights++;

	iocb->key = 0;
	*flight = (struct flight){ *iocb, (uintptr_t)iocb, 0 };
	if (is_program(iocb)) {
		flight->size = size_of(iocb);
		model_taken(iocb);
	} else {
		expect(iocb->lio_opcode == KAIO_OP_POLL &&
			       is_eventfd(iocb->fildes) && iocb->buf == POLLIN,
		       "the poll of a wakeup");
		if (kernel_can_complete(flight))
			kernel_complete_as(flight, POLLIN);
	}
}

/* What goes wrong with an io_submit: 0 for nothing, 1 for no operation taken.
 */
static int fault_of_submit(long *limit, unsigned *at_once)
{
	static const int errors[] = { EINVAL, EBADF,	  EFAULT,
				      EPERM,  EOPNOTSUPP, EINVAL };
	static const int transient[] = { EAGAIN, ENOMEM, EINTR, 1 };
	unsigned how = input_kernel();
	unsigned n = how >> 3;

	switch (how & 7) {
	case 0:
		return 0;
	case 1:
		*limit = 1 + n % *limit;
		return 0;
	case 6:
		return errors[n % COUNT(errors)];
	case 7:
		*at_once = 1 + n % 4;
		return 0;
	default:
		kernel.refusals_left = n * n / 16;
		return transient[(how & 7) - 2];
	}
}

static bool is_transient(int error)
{
	return error == EAGAIN || error == ENOMEM || error == EINTR ||
	       error == 1;
}

/* error: 1 for an io_submit that returns 0. */
static long refuse(struct kaio_iocb *head, int error)
{
	if (is_program(head)) {
		kernel.was_refused = is_transient(error);
		model_refused(head, error == 1 ? EAGAIN : error);
	}
	return error == 1 ? 0 : -error;
}

long kernel_submit(unsigned long ctx, long nr, struct kaio_iocb **iocbs)
{
	unsigned at_once = 0;
	long limit = nr;
	int error = 0;
	long i;

	if (!is_alive(ctx))
		return -EINVAL;
	if (nr <= 0)
		return nr ? -EINVAL : 0;
	if (kernel.refusals_left) {
		kernel.refusals_left--;
		error = kernel.refusal;
	} else {
		error = kernel.refusal = fault_of_submit(&limit, &at_once);
	}
	kernel.faults += error != 0;
	if (error)
		return refuse(iocbs[0], error);
	for (i = 0; i < limit; i++) {
		error = refusal_of(iocbs[i]);
		if (error)
			break;
		take(iocbs[i]);
	}
	if (!i)
		return refuse(iocbs[0], error);
	if (is_program(iocbs[0]))
		kernel.was_refused = false;
	for (; at_once; at_once--)
		kernel_complete(at_once);
	return i;
}

long kernel_cancel(unsigned long ctx, const struct kaio_iocb *iocb)
{
	unsigned i;

	if (!is_alive(ctx))
		return -EINVAL;
	for (i = 0; i < kernel.nr_flights; i++)
		if (kernel.flights[i].obj == (uintptr_t)iocb &&
		    kernel.flights[i].iocb.lio_opcode == KAIO_OP_POLL) {
			kernel_complete_as(kernel.flights + i, 0);
			return -EINPROGRESS;
		}
	return -EINVAL;
}

/* One thing that happens while a thread sleeps; whether it is a signal. */
static bool in_sleep(int64_t until, bool *woken)
{
	unsigned how = input_kernel();

	switch (how & 7) {
	case 1:
		kernel.clock += (how >> 3) * TIME_STEP;
		if (kernel.clock > until)
			kernel.clock = until;
		return false;
	case 2:
		return true;
	case 3:
		if (model_other_thread())
			return false;
		break;
	case 4:
		if (model_wakes())
			return false;
		break;
	}
	if (kernel_complete(how >> 3))
		return false;
	if (until != INT64_MAX) {
		kernel.clock = until;
		return false;
	}
	expect(!*woken, "a wake that nobody hears");
	model_rescues();
	*woken = true;
	return false;
}

static bool sleep_until(long min, int64_t until)
{
	bool interrupted = false;
	bool woken = false;

	if (kernel_unread() >= min || kernel.clock >= until)
		return false;
	model_sleeps(min, until);
	kernel.in_getevents = true;
	while (!interrupted && kernel.alive && kernel_unread() < min &&
	       kernel.clock < until) {
		interrupted = in_sleep(until, &woken);
		kernel_look_at_head();
	}
	kernel.in_getevents = false;
	return interrupted;
}

static long read_events(long nr, struct kaio_event *events)
{
	long n = 0;

	while (n < nr && kernel.head != kernel.tail) {
		events[n++] = kernel_events()[kernel.head];
		kernel.head = (kernel.head + 1) % kernel.nr;
	}
	kernel.ring->head = kernel.head;
	return n;
}

/* A signal may come before, even if it does not wait. */
long kernel_getevents(unsigned long ctx, long min, long nr,
		      struct kaio_event *events, const struct timespec *timeout,
		      int error)
{
	int64_t until = INT64_MAX;
	bool interrupted;
	long n;

	if (error) {
		kernel.refused_calls++;
		return -error;
	}
	if (!is_alive(ctx))
		return -EINVAL;
	expect(nr > 0 && min >= 0 && min <= nr, "arguments of io_getevents");
	expect(!min || !kernel.in_getevents, "two reapers");
	expect(!min || !kernel.locked, "sleeps with the lock");
	kernel.ring->tail = kernel.tail;
	interrupted = (input_kernel() & 7) == 3;
	trace("	io_getevents of %ld to %ld", min, nr);
	if (timeout)
		until = kernel.clock + timeout->tv_sec * INT64_C(1000000000) +
			timeout->tv_nsec;
	if (!interrupted)
		interrupted = sleep_until(min, until);
	if (!kernel.alive)
		return -EINVAL;
	n = read_events(nr, events);
	kernel.interruptions += interrupted;
	return n || !interrupted ? n : -EINTR;
}
