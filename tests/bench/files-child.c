/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* One engine's process of the files table: prints what it took. */
#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every so many iterations the threads are counted. */
#define STRIDE 20

/* Of /proc/self/status. */
static double status_of(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	double value = 0;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = atof(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

static void open_file(struct op *op, const char *directory, unsigned i)
{
	char path[4200];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%u", directory, i);
	op->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (op->fd < 0 || fstat(op->fd, &status) < 0)
		die("%s: %s", path, strerror(errno));
	op->index = i;
	op->length = (size_t)status.st_size;
	op->buffer = must_have(malloc(op->length));
}

static void read_all(struct request *request, bool verify)
{
	unsigned i;

	for (i = 0; i < request->nr; i++) {
		request->ops[i]->res = -EINPROGRESS;
		if (verify)
			pattern_spoil(request->ops[i]->buffer,
				      request->ops[i]->length);
	}
	request_post(request);
	request_finish(request);
	check_results(request->engine, request->target, request->ops,
		      request->nr, verify);
}

static void run(struct options *options)
{
	const struct timespec pause = { 0, 1000000 };
	const struct target target = { .path = *options->targets,
				       .patterned = true };
	struct op ops[24] = { 0 };
	struct op *order[24];
	struct request request = {
		.engine = options->engines[0],
		.target = &target,
		.ops = order,
		.nr = options->batch,
		.depth = options->batch,
	};
	double threads = 0;
	int64_t start, cpu;
	unsigned i;

	if (!request.engine || !target.path || options->batch > 24)
		usage_error("files-child is for files");
	for (i = 0; i < options->batch; i++) {
		open_file(&ops[i], target.path, i);
		order[i] = &ops[i];
	}
	request_open(&request);
	request_prepare(&request);
	read_all(&request, true);
	start = now_ns();
	cpu = cpu_ns();
	for (i = 0; i < options->iterations; i++) {
		read_all(&request, options->verify);
		if (i % STRIDE == 0 && status_of("Threads:") > threads)
			threads = status_of("Threads:");
		nanosleep(&pause, NULL);
	}
	cpu = cpu_ns() - cpu;
	start = now_ns() - start;
	printf("%.6f %.0f %.0f %.0f %.3f %u\n", (double)start / 1e9, threads,
	       status_of("VmHWM:"), status_of("VmPeak:"),
	       100 * (double)cpu / (double)start,
	       options->iterations * options->batch);
	request_close(&request);
	for (i = 0; i < options->batch; i++) {
		close(ops[i].fd);
		free(ops[i].buffer);
	}
}

const struct command files_child_command = {
	.name = "files-child",
	.arguments = "",
	.details = "What files starts.",
	.options = "eniv",
	.run = run,
};
