/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * An append-only log that commits its records in groups: by one write with
 * KAIO_RWF_DSYNC, or by a write for each record and then an fdatasync.
 *	cc wal.c $(pkg-config --cflags --libs libkaio) -o wal && ./wal log
 */
#define _GNU_SOURCE 1
#include <kaio.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD 4096
#define GROUP (8 * RECORD)
#define COMMITS 32

static _Alignas(4096) char group[GROUP];
static struct kaio_queue *queue;
static int fd, end;

static void check(int64_t ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror((int)-ret));
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* A transfer continues short writes: all is written, or there is an error. */
static void finish(struct kaio_transfer *transfer)
{
	int ret;

	check(kaio_transfer_post(transfer), "kaio_transfer_post");
	do
		ret = kaio_transfer_wait(transfer, KAIO_FOREVER);
	while (ret == -EINTR);
	check(ret, "commit");
}

static void append(unsigned writes, int rw_flags, struct kaio_transfer *sync)
{
	unsigned size = GROUP / writes, n, i;
	struct kaio_transfer *commit;
	double start = now_us();

	check(kaio_transfer_create(&commit, queue, writes, NULL), "create");
	for (n = 0; n < COMMITS; n++) {
		for (i = 0; i < GROUP; i += RECORD)
			sprintf(group + i, "record %u\n", (end + i) / RECORD);
		for (i = 0; i < writes; i++, end += size) {
			struct kaio_iocb *iocb = kaio_transfer_iocb(commit, i);

			kaio_prep_pwrite(iocb, fd, group + i * size, size, end);
			kaio_iocb_set_rw_flags(iocb, rw_flags);
		}
		finish(commit);
		if (sync) /* now: an fsync is not ordered after writes */
			finish(sync);
	}
	printf("%s: %.0f us a commit\n", sync ? "fdatasync" : "RWF_DSYNC",
	       (now_us() - start) / COMMITS);
	kaio_transfer_release(commit);
}

int main(int argc, char **argv)
{
	struct kaio_transfer *sync;

	if (argc != 2)
		errx(2, "usage: wal log");
	if ((fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0666)) < 0)
		err(1, "%s", argv[1]);
	/* Commits then allocate no blocks, for which io_submit would wait. */
	for (int i = 0; i < 2 * COMMITS; i++)
		if (write(fd, group, GROUP) != GROUP)
			errx(1, "%s: cannot be preallocated", argv[1]);
	if (fsync(fd) < 0)
		err(1, "%s", argv[1]);
	if (fcntl(fd, F_SETFL, O_DIRECT) < 0)
		warnx("%s: no O_DIRECT here, writing buffered", argv[1]);
	check(kaio_queue_create(&queue, 8, NULL), "kaio_queue_create");
	check(kaio_transfer_create(&sync, queue, 1, NULL), "create");
	kaio_prep_fdsync(kaio_transfer_iocb(sync, 0), fd);
	append(1, KAIO_RWF_DSYNC, NULL);
	append(8, 0, sync);
	kaio_transfer_release(sync);
	return kaio_queue_destroy(queue) < 0;
}
