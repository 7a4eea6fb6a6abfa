/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * tests/scripts/libaio-layout.sh compiles this with either <libaio.h>: the
 * layout as constants; and the program prints what the inline functions store.
 */
#include <libaio.h>

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>

#define PLACE(type, member) \
	offsetof(struct type, member), sizeof(((struct type *)0)->member)

const unsigned long layout[] = {
	sizeof(struct iocb),
	_Alignof(struct iocb),
	sizeof(struct io_event),
	_Alignof(struct io_event),
	sizeof(struct io_iocb_common),
	sizeof(struct io_iocb_vector),
	sizeof(struct io_iocb_poll),
	sizeof(struct io_iocb_sockaddr),
	sizeof(struct io_sigset),
	sizeof(struct io_sigset_compat),
	sizeof(io_context_t),
	sizeof(io_callback_t),
	sizeof(io_iocb_cmd_t),
	PLACE(iocb, data),
	PLACE(iocb, key),
	PLACE(iocb, aio_rw_flags),
	PLACE(iocb, aio_lio_opcode),
	PLACE(iocb, aio_reqprio),
	PLACE(iocb, aio_fildes),
	PLACE(iocb, u.c.buf),
	PLACE(iocb, u.c.nbytes),
	PLACE(iocb, u.c.offset),
	PLACE(iocb, u.c.flags),
	PLACE(iocb, u.c.resfd),
	PLACE(iocb, u.v.vec),
	PLACE(iocb, u.v.nr),
	PLACE(iocb, u.v.offset),
	PLACE(iocb, u.poll.events),
	PLACE(iocb, u.saddr.addr),
	PLACE(iocb, u.saddr.len),
	PLACE(io_event, data),
	PLACE(io_event, obj),
	PLACE(io_event, res),
	PLACE(io_event, res2),
	PLACE(io_sigset, ss),
	PLACE(io_sigset, ss_len),
	PLACE(io_sigset_compat, ss),
	PLACE(io_sigset_compat, ss_len),
	IO_CMD_PREAD,
	IO_CMD_PWRITE,
	IO_CMD_FSYNC,
	IO_CMD_FDSYNC,
	IO_CMD_POLL,
	IO_CMD_NOOP,
	IO_CMD_PREADV,
	IO_CMD_PWRITEV,
};

#ifdef PRINT
static void print(const char *what, const struct iocb *iocb)
{
	const unsigned char *bytes = (const unsigned char *)iocb;
	size_t i;

	printf("%s:", what);
	for (i = 0; i < sizeof(*iocb); i++)
		printf(" %02x", bytes[i]);
	printf("\n");
}

/* Every byte has another value before; addresses do not differ between runs. */
#define PRINT_AFTER(call)                          \
	do {                                       \
		memset(&iocb, 0xa5, sizeof(iocb)); \
		call;                              \
		print(#call, &iocb);               \
	} while (0)

int main(void)
{
	const struct iovec *iov = (const struct iovec *)(uintptr_t)0x1234560;
	void *buf = (void *)(uintptr_t)0x7654320;
	const long long far = 0x123456789abcdLL;
	io_callback_t callback = (io_callback_t)(uintptr_t)0x2468ac0;
	struct iocb iocb;

	PRINT_AFTER(io_prep_pread(&iocb, 7, buf, 4097, far));
	PRINT_AFTER(io_prep_pwrite(&iocb, -1, buf, (size_t)-1, -far));
	PRINT_AFTER(io_prep_preadv(&iocb, 7, iov, 3, far));
	PRINT_AFTER(io_prep_pwritev(&iocb, 7, iov, -3, far));
	PRINT_AFTER(io_prep_preadv2(&iocb, 7, iov, 3, far, 8));
	PRINT_AFTER(io_prep_pwritev2(&iocb, 7, iov, 3, far, -2));
	PRINT_AFTER(io_prep_poll(&iocb, 7, POLLIN | POLLHUP));
	PRINT_AFTER(io_prep_fsync(&iocb, 7));
	PRINT_AFTER(io_prep_fdsync(&iocb, 7));
	PRINT_AFTER(io_set_callback(&iocb, callback));
	PRINT_AFTER(io_set_eventfd(&iocb, 5));
	PRINT_AFTER(io_poll(NULL, &iocb, callback, 7, POLLOUT));
	PRINT_AFTER(io_fsync(NULL, &iocb, callback, 7));
	PRINT_AFTER(io_fdsync(NULL, &iocb, callback, 7));
	return 0;
}

/* The last three also submit it; the result is ignored. */
int io_submit(io_context_t ctx, long nr, struct iocb *ios[])
{
	return ctx || nr != 1 || !ios[0] ? 0 : 1;
}
#endif
