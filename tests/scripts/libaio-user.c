/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A program for libaio, in C or C++: writes a file, reads it back, and prints
 * the path of the libaio that it runs on.
 */
#ifdef BESIDE_LIBKAIO
#include <kaio.h>
#endif
#include <libaio.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void expect(int value, int expected, const char *what)
{
	if (value == expected)
		return;
	fprintf(stderr, "%s: %d, not %d\n", what, value, expected);
	exit(EXIT_FAILURE);
}

static void print_library(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[4096];
	const char *library = NULL;

	while (maps && !library && fgets(line, sizeof(line), maps))
		if (strstr(line, "/libaio.so"))
			library = strchr(line, '/');
	printf("%s", library ? library : "no library\n");
}

static void callback(io_context_t ctx, struct iocb *iocb, long res, long res2)
{
	expect(ctx != NULL && iocb->aio_lio_opcode == IO_CMD_PREAD, 1, "iocb");
	expect((int)res, 8, "read");
	expect((int)res2, 0, "res2");
	memset(iocb, 0, sizeof(*iocb));
}

int main(void)
{
	struct timespec *forever = NULL;
	char bytes[] = "libaio's";
	char back[8];
	FILE *file = tmpfile();
	io_context_t ctx = NULL;
	struct iocb iocb;
	struct iocb *list[1];
	struct io_event event;
	int fd;

	if (!file)
		return EXIT_FAILURE;
	fd = fileno(file);
	list[0] = &iocb;
	expect(io_queue_init(4, &ctx), 0, "io_queue_init");
	io_prep_pwrite(&iocb, fd, bytes, 8, 0);
	expect(io_submit(ctx, 1, list), 1, "io_submit");
	expect(io_getevents(ctx, 1, 1, &event, forever), 1, "io_getevents");
	expect((int)event.res, 8, "write");
	expect(event.obj == &iocb, 1, "obj");
	io_prep_pread(&iocb, fd, back, 8, 0);
	io_set_callback(&iocb, callback);
	expect(io_submit(ctx, 1, list), 1, "io_submit");
	expect(io_queue_run(ctx), 0, "io_queue_run");
	expect(memcmp(back, bytes, 8), 0, "data");
	expect(iocb.aio_fildes, 0, "callback");
#ifdef BESIDE_LIBKAIO
	{
		struct kaio_queue *queue;

		expect(kaio_queue_create(&queue, 4, NULL), 0, "create");
		expect(kaio_submit(0, 0, NULL), -EINVAL, "kaio_submit");
		expect(kaio_queue_destroy(queue), 0, "destroy");
	}
#endif
	expect(io_queue_release(ctx), 0, "io_queue_release");
	print_library();
	return EXIT_SUCCESS;
}
