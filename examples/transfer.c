/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What a storage plugin does: a request of 64 reads is prepared once, posted,
 * tested between other work, and posted again.
 *
 *	cc transfer.c $(pkg-config --cflags --libs libkaio) -o transfer
 *	./transfer [file]
 */
#include <kaio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READS 64
#define BLOCK 4096
#define POSTS 2

static char buffer[READS][BLOCK];

static void check(int64_t ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "transfer: %s: %s\n", what, strerror((int)-ret));
	exit(1);
}

static unsigned long other_work(void)
{
	static volatile unsigned long work;

	return work++;
}

int main(int argc, char **argv)
{
	const struct kaio_transfer_params params = {
		.flags = KAIO_TRANSFER_EOF_OK,
	};
	const char *path = argc > 1 ? argv[1] : "/etc/passwd";
	struct kaio_transfer *transfer;
	struct kaio_queue *queue;
	int fd = open(path, O_RDONLY);
	int post, ret;
	unsigned i;

	check(fd < 0 ? -errno : 0, path);
	/* One queue for all transfers, which may have more operations. */
	check(kaio_queue_create(&queue, 32, NULL), "kaio_queue_create");

	/* KAIO_TRANSFER_EOF_OK: the file may be shorter. */
	check(kaio_transfer_create(&transfer, queue, READS, &params),
	      "kaio_transfer_create");
	for (i = 0; i < READS; i++)
		kaio_prep_pread(kaio_transfer_iocb(transfer, i), fd, buffer[i],
				BLOCK, (int64_t)i * BLOCK);

	for (post = 1; post <= POSTS; post++) {
		check(kaio_transfer_post(transfer), "kaio_transfer_post");
		while ((ret = kaio_transfer_test(transfer)) == -EINPROGRESS)
			other_work();
		/* While it is active, the error is the call's. */
		if (kaio_transfer_active(transfer))
			check(ret, "kaio_transfer_test");
		for (i = 0; ret < 0 && i < READS; i++)
			check(kaio_transfer_result(transfer, i), path);
		printf("post %d: %lld bytes\n", post,
		       (long long)kaio_transfer_bytes(transfer));
	}

	check(kaio_transfer_release(transfer), "kaio_transfer_release");
	check(kaio_queue_destroy(queue), "kaio_queue_destroy");
	close(fd);
	return 0;
}
