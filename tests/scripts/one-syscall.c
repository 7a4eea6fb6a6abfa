/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * As many one-byte writes to /dev/null as its argument says, one after the
 * other. Exits 77 where completions are collected by system call.
 */
#include <kaio.h>

#include <fcntl.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	long left = argc > 1 ? atol(argv[1]) : 1;
	int fd = open("/dev/null", O_WRONLY);
	struct kaio_queue *queue;
	struct kaio_queue_stats stats;
	struct kaio_iocb iocb;
	struct kaio_event event;

	if (fd < 0 || kaio_queue_create(&queue, 1, NULL) < 0)
		return 1;
	while (left--) {
		kaio_prep_pwrite(&iocb, fd, "x", 1, 0);
		if (kaio_queue_push(queue, &iocb) < 0 ||
		    kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER) != 1 ||
		    event.res != 1)
			return 1;
	}
	kaio_queue_stats(queue, &stats);
	return stats.ring_reaps ? 0 : 77;
}
