#include <errno.h>
#include <libaio.h>

int read_blocks(io_context_t ctx, struct iocb *iocbs, int fd, char *buf,
		int nr)
{
	struct iocb *list[32];
	struct io_event event;
	int error = 0;
	int sent = 0;
	int left;
	int ret;
	int i;

	for (i = 0; i < nr; i++) {
		io_prep_pread(&iocbs[i], fd, buf + 4096 * i, 4096, 4096 * i);
		list[i] = &iocbs[i];
	}
	/* The kernel may accept a part; the next turn shows why. */
	while (sent < nr && error == 0) {
		ret = io_submit(ctx, nr - sent, list + sent);
		if (ret < 0)
			error = ret;
		else
			sent += ret;
	}
	for (left = sent; left > 0; left -= ret > 0) {
		ret = io_getevents(ctx, 1, 1, &event, NULL);
		if (ret < 0 && ret != -EINTR)
			return ret;
		if (ret > 0 && (long)event.res != 4096)
			error = (long)event.res < 0 ? (int)event.res : -ENODATA;
	}
	return error;
}
