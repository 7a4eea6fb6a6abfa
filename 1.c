#include <errno.h>
#include <kaio.h>

int read_blocks(struct kaio_queue *queue, struct kaio_iocb *iocbs, int fd,
		char *buf, int nr)
{
	struct kaio_event event;
	int error = 0;
	int left;
	int ret;

	for (left = 0; left < nr && error == 0; left += error == 0) {
		kaio_prep_pread(&iocbs[left], fd, buf + 4096 * left, 4096,
				4096 * left);
		error = kaio_queue_push(queue, &iocbs[left]);
	}
	for (; left > 0; left -= ret > 0) {
		ret = kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER);
		if (ret < 0 && ret != -EINTR)
			return ret;
		if (ret > 0 && event.res != 4096)
			error = event.res < 0 ? (int)event.res : -ENODATA;
	}
	return error;
}
