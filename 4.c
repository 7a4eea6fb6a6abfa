#include <aio.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

int read_blocks(struct aiocb *aiocbs, int fd, char *buf, int nr)
{
	struct aiocb *list[32];
	const struct aiocb *one;
	int error = 0;
	int i;

	memset(aiocbs, 0, (size_t)nr * sizeof(*aiocbs));
	for (i = 0; i < nr; i++) {
		aiocbs[i].aio_lio_opcode = LIO_READ;
		aiocbs[i].aio_fildes = fd;
		aiocbs[i].aio_buf = buf + 4096 * i;
		aiocbs[i].aio_nbytes = 4096;
		aiocbs[i].aio_offset = 4096 * i;
		list[i] = &aiocbs[i];
	}
	if (lio_listio(LIO_WAIT, list, nr, NULL) < 0 && errno != EIO &&
	    errno != EINTR)
		return -errno;
	for (i = 0; i < nr; i++) {
		one = &aiocbs[i];
		while (aio_error(one) == EINPROGRESS)
			aio_suspend(&one, 1, NULL);
		if (aio_error(one))
			error = -aio_error(one);
		else if (aio_return(&aiocbs[i]) != 4096)
			error = -ENODATA;
	}
	return error;
}
