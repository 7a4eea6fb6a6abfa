/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What MemorySanitizer cannot see: data that the kernel read into buffers. */
#ifndef MSAN_H
#define MSAN_H

#include <kaio/prep.h>

#include <stddef.h>

/*
 * Of a completion that was collected, whose iocb and iovecs are still valid.
 * Without MemorySanitizer it does nothing.
 */
static inline void msan_unpoison_read(const struct kaio_event *event)
{
#ifdef KAIO_MSAN
	const struct kaio_iocb *iocb = kaio_event_iocb(event);
	const struct iovec *iov = (const struct iovec *)(uintptr_t)iocb->buf;
	size_t left = event->res > 0 ? (size_t)event->res : 0;

	if (iocb->lio_opcode == KAIO_OP_PREAD)
		KAIO_MSAN_WRITTEN((void *)(uintptr_t)iocb->buf, left);
	if (iocb->lio_opcode != KAIO_OP_PREADV)
		return;
	for (; left; iov++) {
		size_t part = iov->iov_len < left ? iov->iov_len : left;

		KAIO_MSAN_WRITTEN(iov->iov_base, part);
		left -= part;
	}
#else
	(void)event;
#endif
}

static inline void msan_unpoison_reads(const struct kaio_event *events,
				       unsigned nr)
{
#ifdef KAIO_MSAN
	for (; nr; nr--)
		msan_unpoison_read(events++);
#else
	(void)events;
	(void)nr;
#endif
}

#endif
