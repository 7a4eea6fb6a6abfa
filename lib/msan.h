/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What MemorySanitizer cannot see: data that the kernel read into buffers. */
#ifndef MSAN_H
#define MSAN_H

#include <kaio/prep.h>

#include <stddef.h>

/* Of completions that were collected: iocbs and iovecs are still valid. */
static inline void msan_unpoison_reads(const struct kaio_event *events,
				       unsigned nr)
{
#ifdef KAIO_MSAN
	for (; nr; nr--, events++) {
		const struct kaio_iocb *iocb = kaio_event_iocb(events);
		void *buf = (void *)(uintptr_t)iocb->buf;
		const struct iovec plain = { buf, (size_t)iocb->nbytes };
		const struct iovec *iov = buf;
		size_t left = events->res > 0 ? (size_t)events->res : 0;

		if (iocb->lio_opcode == KAIO_OP_PREAD)
			iov = &plain;
		else if (iocb->lio_opcode != KAIO_OP_PREADV)
			continue;
		for (; left; iov++) {
			size_t part = iov->iov_len < left ? iov->iov_len : left;

			KAIO_MSAN_WRITTEN(iov->iov_base, part);
			left -= part;
		}
	}
#else
	(void)events;
	(void)nr;
#endif
}

#endif
