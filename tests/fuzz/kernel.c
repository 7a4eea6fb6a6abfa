/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "kernel.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How far an absurd index goes for one bit of the input. */
#define INDEX_STEP 131072

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Of the address sanitizer: memory is used again soon, for speed. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1:max_malloc_fill_size=0:detect_leaks=0";
}

struct kernel kernel;
bool kernel_traces;

_Noreturn void fail(const char *why)
{
	fprintf(stderr, "fuzz: %s\n", why);
	abort();
}

void kernel_trace(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

bool input_has_more(void)
{
	return kernel.front < kernel.back;
}

unsigned input_call(void)
{
	return input_has_more() ? *kernel.front++ : 0;
}

unsigned input_kernel(void)
{
	return input_has_more() ? *--kernel.back : 0;
}

void kernel_begin(const uint8_t *data, size_t size)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.front = data;
	kernel.back = data + size;
	kernel.clock = 1000000000;
}

void kernel_end(void)
{
	unsigned i;

	free(kernel.ring);
	expect(!kernel.alive, "a context is left");
	expect(!kernel.allocations, "memory is left");
	expect(!kernel.locked, "a lock is left");
	for (i = 0; i < EVENTFDS; i++)
		expect(!kernel.eventfds[i].open, "a descriptor is left");
}

/* The ring */

static unsigned ring_distance(unsigned from, unsigned to)
{
	return to >= from ? to - from : to + kernel.nr - from;
}

unsigned kernel_unread(void)
{
	return kernel.ring ? ring_distance(kernel.head, kernel.tail) : 0;
}

unsigned kernel_unread_of_program(void)
{
	unsigned n = 0;
	unsigned i;

	if (!kernel.ring)
		return 0;
	for (i = kernel.head; i != kernel.tail; i = (i + 1) % kernel.nr)
		n += kernel_events()[i].data != 0;
	return n;
}

void kernel_look_at_head(void)
{
	unsigned head;

	if (!kernel.ring || !kernel.alive)
		return;
	head = kernel.ring->head % kernel.nr;
	if (head == kernel.head)
		return;
	expect(!kernel.in_getevents, "two reapers");
	expect(ring_distance(kernel.head, head) <= kernel_unread(),
	       "the ring's head went past its tail");
	kernel.head = head;
}

void kernel_upset_ring(unsigned how)
{
	if (!kernel.alive || !how)
		return;
	if (how & 1)
		kernel.ring->tail = kernel.nr + (how - 1) * INDEX_STEP;
	else
		kernel.ring->head = kernel.head + how / 2 * kernel.nr;
}

/* Operations in flight */

unsigned kernel_in_flight_of_program(void)
{
	unsigned n = 0;
	unsigned i;

	for (i = 0; i < kernel.nr_flights; i++)
		n += is_program(&kernel.flights[i].iocb);
	return n;
}

void kernel_complete_as(struct flight *flight, int64_t res)
{
	struct kaio_iocb iocb = flight->iocb;

	kernel_events()[kernel.tail] = (struct kaio_event){ .data = iocb.data,
							    .obj = flight->obj,
							    .res = res };
	kernel.tail = kernel.ring->tail = (kernel.tail + 1) % kernel.nr;
	memmove(flight, flight + 1,
		(size_t)(kernel.flights + --kernel.nr_flights - flight) *
			sizeof(*flight));
	if (iocb.flags & KAIO_IOCB_RESFD)
		kernel_raise(iocb.resfd - FD_EVENTFD);
	if (is_program(&iocb))
		model_result(&iocb, res);
}

static int64_t result_of(const struct flight *flight)
{
	static const int errors[] = { EIO,    EINTR,  EINVAL,	 EAGAIN,
				      ENOSPC, EBADF,  ECANCELED, EINTR,
				      ENOMEM, EFAULT, EPERM };
	const struct kaio_iocb *iocb = &flight->iocb;
	unsigned how = input_kernel();

	if (how & 1)
		return -errors[(how >> 1) % COUNT(errors)];
	switch (iocb->lio_opcode) {
	case KAIO_OP_POLL:
		return POLLIN;
	case KAIO_OP_FSYNC:
	case KAIO_OP_FDSYNC:
		return 0;
	}
	if (iocb->fildes == FD_DIRECT && iocb->offset % SECTOR)
		return -EINVAL;
	if (how & 2)
		return (int64_t)(flight->size * (how >> 2) / 64);
	if (how && flight->size > how >> 2)
		return (int64_t)(flight->size - (how >> 2));
	return (int64_t)flight->size;
}

static unsigned eventfd_of_wakeup(const struct flight *flight)
{
	return flight->iocb.fildes - FD_EVENTFD;
}

bool kernel_can_complete(const struct flight *flight)
{
	return is_program(&flight->iocb) ||
	       kernel.eventfds[eventfd_of_wakeup(flight)].count;
}

bool kernel_complete(unsigned choice)
{
	unsigned n = 0;
	unsigned i;

	for (i = 0; i < kernel.nr_flights; i++)
		n += kernel_can_complete(kernel.flights + i);
	if (!n)
		return false;
	choice %= n;
	for (i = 0;; i++)
		if (kernel_can_complete(kernel.flights + i) && !choice--)
			break;
	kernel_complete_as(kernel.flights + i,
			   is_program(&kernel.flights[i].iocb)
				   ? result_of(kernel.flights + i)
				   : POLLIN);
	return true;
}

/* The poll of it completes at once, or a moment later. */
void kernel_raise(unsigned eventfd)
{
	unsigned i;

	expect(eventfd < EVENTFDS && kernel.eventfds[eventfd].open,
	       "a completion for no eventfd");
	kernel.eventfds[eventfd].count++;
	for (i = 0; i < kernel.nr_flights; i++)
		if (!is_program(&kernel.flights[i].iocb) &&
		    eventfd_of_wakeup(kernel.flights + i) == eventfd &&
		    !(input_kernel() & 1)) {
			kernel_complete_as(kernel.flights + i, POLLIN);
			return;
		}
}
