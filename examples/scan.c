/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Counts the lines of all files of a folder, which are read ahead: while one
 * block is counted, the next ones are being read, from the files after it, too.
 *	cc scan.c $(pkg-config --cflags --libs libkaio) -o scan && ./scan
 *[folder]
 */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include <kaio.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AHEAD 16
#define BLOCK (64 * 1024) /* a multiple of every offset_align there is */

static _Alignas(4096) char buffers[AHEAD][BLOCK];
static struct kaio_transfer *transfers[AHEAD];
static const char *paths[AHEAD]; /* NULL: there was nothing more to read */
static struct dirent **names;
static int nr_names, file;

static void check(int64_t ret, const char *what)
{
	if (ret < 0)
		errx(1, "%s: %s", what, strerror((int)-ret));
}

static int is_file(const struct dirent *entry)
{
	/* There are file systems that do not know. */
	return entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
}

/* Block after block of a file, of an empty one, too; then the next file. */
static void read_next(int i)
{
	static int64_t offset, size;
	static int fd;

	paths[i] = file < nr_names ? names[file]->d_name : NULL;
	if (!paths[i])
		return;
	if (offset == 0 && (fd = open(paths[i], O_RDONLY | O_DIRECT)) < 0)
		fd = open(paths[i], O_RDONLY); /* no O_DIRECT here */
	if (fd < 0 || (size = lseek(fd, 0, SEEK_END)) < 0)
		err(1, "%s", paths[i]);
	kaio_prep_pread(kaio_transfer_iocb(transfers[i], 0), fd, buffers[i],
			BLOCK, offset);
	check(kaio_transfer_post(transfers[i]), "kaio_transfer_post");
	offset += BLOCK;
	if (offset >= size)
		offset = 0, file++;
}

int main(int argc, char **argv)
{
	const struct kaio_transfer_params params = {
		.flags = KAIO_TRANSFER_EOF_OK,
	};
	struct kaio_queue *queue;
	int i, n, lines = 0;

	if (chdir(argc > 1 ? argv[1] : ".") < 0 ||
	    (nr_names = scandir(".", &names, is_file, alphasort)) < 0)
		err(1, "%s", argc > 1 ? argv[1] : ".");
	check(kaio_queue_create(&queue, AHEAD, NULL), "kaio_queue_create");
	for (i = 0; i < AHEAD; i++) {
		check(kaio_transfer_create(&transfers[i], queue, 1, &params),
		      "kaio_transfer_create");
		read_next(i);
	}
	for (i = 0; paths[i]; i = (i + 1) % AHEAD) {
		do
			n = kaio_transfer_wait(transfers[i], KAIO_FOREVER);
		while (n == -EINTR);
		check(n, paths[i]);
		n = (int)kaio_transfer_bytes(transfers[i]);
		for (char *c = buffers[i]; c < buffers[i] + n; c++)
			lines += *c == '\n';
		if (paths[(i + 1) % AHEAD] != paths[i]) {
			printf("%d %s\n", lines, paths[i]);
			lines = 0;
			close((int)kaio_transfer_iocb(transfers[i], 0)->fildes);
		}
		read_next(i);
	}
	for (i = 0; i < AHEAD; i++)
		kaio_transfer_release(transfers[i]);
	return kaio_queue_destroy(queue) < 0;
}
