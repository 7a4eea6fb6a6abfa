#include <errno.h>
#include <kaio.h>

int read_blocks(struct kaio_transfer *transfer, int fd, char *buf, unsigned nr)
{
	unsigned i;
	int ret;

	for (i = 0; i < nr; i++)
		kaio_prep_pread(kaio_transfer_iocb(transfer, i), fd,
				buf + 4096 * i, 4096, 4096 * i);
	ret = kaio_transfer_post(transfer);
	if (ret < 0)
		return ret;
	do
		ret = kaio_transfer_wait(transfer, KAIO_FOREVER);
	while (ret == -EINTR || ret == -EINPROGRESS);
	return ret;
}
