#define _GNU_SOURCE
#include <errno.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int read_blocks(aio_context_t ctx, struct iocb *iocbs, int fd, char *buf,
		int nr)
{
	struct iocb *list[32];
	struct io_event event;
	int error = 0;
	int sent = 0;
	int left;
	long ret;
	int i;

	memset(iocbs, 0, (size_t)nr * sizeof(*iocbs));
	for (i = 0; i < nr; i++) {
		iocbs[i].aio_lio_opcode = IOCB_CMD_PREAD;
		iocbs[i].aio_fildes = (uint32_t)fd;
		iocbs[i].aio_buf = (uintptr_t)(buf + 4096 * i);
		iocbs[i].aio_nbytes = 4096;
		iocbs[i].aio_offset = 4096 * i;
		list[i] = &iocbs[i];
	}
	while (sent < nr && error == 0) {
		ret = syscall(SYS_io_submit, ctx, (long)(nr - sent),
			      list + sent);
		if (ret < 0)
			error = -errno;
		else
			sent += (int)ret;
	}
	for (left = sent; left > 0; left -= ret > 0) {
		ret = syscall(SYS_io_getevents, ctx, 1L, 1L, &event, NULL);
		if (ret < 0 && errno != EINTR)
			return -errno;
		if (ret > 0 && event.res != 4096)
			error = event.res < 0 ? (int)event.res : -ENODATA;
	}
	return error;
}
