#include <errno.h>
#include <kaio.h>
#include <stddef.h>

int read_blocks(kaio_context_t ctx, struct kaio_iocb *iocbs, int fd, char *buf,
		int nr)
{
	struct kaio_iocb *list[32];
	struct kaio_event event;
	int error = 0;
	int sent = 0;
	int left;
	int ret;
	int i;

	for (i = 0; i < nr; i++) {
		kaio_prep_pread(&iocbs[i], fd, buf + 4096 * i, 4096, 4096 * i);
		list[i] = &iocbs[i];
	}
	while (sent < nr && error == 0) {
		ret = kaio_submit(ctx, nr - sent, list + sent);
		if (ret < 0)
			error = ret;
		else
			sent += ret;
	}
	for (left = sent; left > 0; left -= ret > 0) {
		ret = kaio_getevents(ctx, 1, 1, &event, NULL);
		if (ret < 0 && ret != -EINTR)
			return ret;
		if (ret > 0 && event.res != 4096)
			error = event.res < 0 ? (int)event.res : -ENODATA;
	}
	return error;
}
