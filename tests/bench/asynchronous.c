/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Where the time of operations passes: within io_submit, or between its return
 * and the last completion. By kinds of operations, in which files differ.
 */
#include "asynchronous.h"

#include <kaio/abi.h>
#include <kaio/probe.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ASYNCHRONOUS_BELOW 0.3
#define WITHIN_ABOVE 0.8
/* Below it a wakeup is much of the time. */
#define LEAST_NS 100000

static const struct column asynchronous_columns[] = {
	{ "Operations", "what one io_submit submits", 26, -1 },
	{ "Submit (us)", "microseconds within io_submit, median", 11, 0 },
	{ "Total (us)", "from its call to the last completion, median", 10, 0 },
	{ "Ratio", "of the first to the second, median of the rounds'", 5, 2 },
	{ "Low", "the lower quartile of these ratios", 5, 2 },
	{ "High", "the upper quartile", 5, 2 },
	{ "Decision",
	  "by Low: asynchronous below 0.3, within io_submit above 0.8, else "
	  "mixed",
	  1, -1 },
	{ 0 },
};

static const struct kind {
	const char *name;
	int (*prepare)(const struct async_file *file);
	enum kaio_opcode opcode;
	enum {
		DIRECT = 1 << 0,
		ONE = 1 << 1, /* operation, of all bytes or of none */
		ALLOCATES = 1 << 2
	} how;
	int rw_flags;
} kinds[] = {
	{ "read", async_file_written, KAIO_OP_PREAD, DIRECT, 0 },
	{ "overwrite", async_file_written, KAIO_OP_PWRITE, DIRECT, 0 },
	{ "overwrite (DSYNC)", async_file_written, KAIO_OP_PWRITE, DIRECT,
	  KAIO_RWF_DSYNC },
	{ "overwrite (NOWAIT)", async_file_written, KAIO_OP_PWRITE, DIRECT,
	  KAIO_RWF_NOWAIT },
	{ "write to unwritten", async_file_unwritten, KAIO_OP_PWRITE,
	  DIRECT | ALLOCATES, 0 },
	{ "write to unwritten (DSYNC)", async_file_unwritten, KAIO_OP_PWRITE,
	  DIRECT | ALLOCATES, KAIO_RWF_DSYNC },
	{ "write to hole", async_file_hole, KAIO_OP_PWRITE, DIRECT | ALLOCATES,
	  0 },
	{ "write to hole (NOWAIT)", async_file_hole, KAIO_OP_PWRITE,
	  DIRECT | ALLOCATES, KAIO_RWF_NOWAIT },
	{ "extending writes", async_file_empty, KAIO_OP_PWRITE,
	  DIRECT | ALLOCATES, 0 },
	{ "one extending write", async_file_empty, KAIO_OP_PWRITE,
	  DIRECT | ONE | ALLOCATES, 0 },
	{ "fsync", async_file_dirty, KAIO_OP_FSYNC, ONE, 0 },
	{ "fdatasync", async_file_dirty, KAIO_OP_FDSYNC, ONE, 0 },
	{ "buffered write", async_file_cached, KAIO_OP_PWRITE, 0, 0 },
	{ "cached read", async_file_cached, KAIO_OP_PREAD, 0, 0 },
	{ "cached read (NOWAIT)", async_file_cached, KAIO_OP_PREAD, 0,
	  KAIO_RWF_NOWAIT },
	{ "uncached read", async_file_written, KAIO_OP_PREAD, 0, 0 },
	{ "uncached read (NOWAIT)", async_file_written, KAIO_OP_PREAD, 0,
	  KAIO_RWF_NOWAIT },
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool is_possible(const struct async_file *file, const struct kind *kind)
{
	if (kind->how & ALLOCATES)
		return !file->is_device;
	return file->writes || kind->opcode == KAIO_OP_PREAD;
}

struct run {
	struct async_file file;
	kaio_context_t ctx;
	struct kaio_iocb *iocbs, **order;
	struct kaio_event *events;
};

static unsigned put_operations(struct run *run, const struct kind *kind)
{
	const struct async_file *file = &run->file;
	bool moves =
		kind->opcode == KAIO_OP_PREAD || kind->opcode == KAIO_OP_PWRITE;
	unsigned nr = kind->how & ONE ? 1 : file->nr;
	size_t length = file->size / nr;
	unsigned i;

	if (kind->opcode == KAIO_OP_PWRITE)
		pattern_put(file->buffer, file->size, 0);
	for (i = 0; i < nr; i++) {
		struct kaio_iocb *iocb = &run->iocbs[i];

		run->order[i] = iocb;
		*iocb = (struct kaio_iocb){
			.lio_opcode = (uint16_t)kind->opcode,
			.fildes = (unsigned)(kind->how & DIRECT ? file->direct
								: file->cached),
			.rw_flags = kind->rw_flags,
		};
		if (!moves)
			continue;
		iocb->buf = (uintptr_t)(file->buffer + i * length);
		iocb->nbytes = length;
		iocb->offset = (int64_t)(i * length);
	}
	return nr;
}

/* How many were; the error of the next one, if any is left, goes to *error. */
static unsigned submit(struct run *run, unsigned nr, int *error)
{
	unsigned done = 0;

	while (done < nr) {
		int ret = kaio_submit(run->ctx, (long)(nr - done),
				      run->order + done);

		if (ret <= 0) {
			*error = ret ? -ret : EAGAIN;
			break;
		}
		done += (unsigned)ret;
	}
	return done;
}

static void collect(struct run *run, unsigned nr)
{
	unsigned done = 0;

	while (done < nr) {
		long left = (long)(nr - done);
		int ret = kaio_getevents(run->ctx, left, left,
					 run->events + done, NULL);

		if (ret < 0 && ret != -EINTR)
			die("io_getevents: %s", strerror(-ret));
		if (ret > 0)
			done += (unsigned)ret;
	}
}

static int error_of(const struct kaio_event *event)
{
	const struct kaio_iocb *iocb =
		(const struct kaio_iocb *)(uintptr_t)event->obj;

	if (event->res < 0)
		return (int)-event->res;
	if ((uint64_t)event->res == iocb->nbytes)
		return 0;
	/* Short; it had to wait for the rest. */
	return iocb->rw_flags & KAIO_RWF_NOWAIT ? EAGAIN : EIO;
}

struct times {
	double submit[ROUNDS_MAX], total[ROUNDS_MAX];
	unsigned nr; /* of the rounds that went well */
	int error;   /* of the last that did not */
};

static int measure(struct run *run, const struct kind *kind,
		   struct times *times)
{
	int64_t start, submitted;
	int error = 0;
	unsigned i, nr;

	if (kind->how & DIRECT && run->file.direct < 0)
		return EINVAL;
	error = -kind->prepare(&run->file);
	if (error)
		return error;
	nr = put_operations(run, kind);
	start = now_ns();
	nr = submit(run, nr, &error);
	submitted = now_ns();
	collect(run, nr);
	times->total[times->nr] = (double)(now_ns() - start);
	times->submit[times->nr] = (double)(submitted - start);
	for (i = 0; i < nr && !error; i++)
		error = error_of(&run->events[i]);
	return error;
}

static void print_error(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = { { EAGAIN, "EAGAIN" }, { EINVAL, "EINVAL" },
		      { EIO, "EIO" },	    { ENOSPC, "ENOSPC" },
		      { EPERM, "EPERM" },   { EOPNOTSUPP, "EOPNOTSUPP" } };
	bool unsupported = error == EINVAL || error == EOPNOTSUPP;
	char name[16], text[64];
	size_t i;

	snprintf(name, sizeof(name), "errno %d", error);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			snprintf(name, sizeof(name), "%s", names[i].name);
	snprintf(text, sizeof(text), "%s (%s)",
		 unsupported ? "not supported" : "fails", name);
	for (i = 0; i < 5; i++)
		table_number(NAN);
	table_text(text);
}

/* What preempts a thread within io_submit adds to its part. */
static const char *decision(const struct ratio *part, double total)
{
	if (total < LEAST_NS)
		return "too quick to tell";
	if (part->low < ASYNCHRONOUS_BELOW)
		return "asynchronous";
	return part->low > WITHIN_ABOVE ? "within io_submit" : "mixed";
}

static void print_row(const struct kind *kind, struct times *times,
		      unsigned rounds)
{
	struct ratio part;
	double total;

	table_text(kind->name);
	if (times->nr * 2 <= rounds) {
		print_error(times->error);
		return;
	}
	part = ratio(times->submit, times->total, times->nr);
	total = median(times->total, times->nr);
	table_number(median(times->submit, times->nr) / 1e3);
	table_number(total / 1e3);
	table_number(part.median);
	table_number(part.low);
	table_number(part.high);
	table_text(decision(&part, total));
}

/* By rounds, so that what slows the machine for a while slows all kinds. */
static void measure_all(struct run *run, const char *path, unsigned rounds)
{
	struct times *times = must_have(calloc(NR_KINDS, sizeof(*times)));
	char title[512];
	unsigned round;
	size_t i;

	for (round = 0; round < rounds; round++)
		for (i = 0; i < NR_KINDS; i++) {
			int error;

			if (!is_possible(&run->file, &kinds[i]))
				continue;
			progress("%s, round %u of %u, %s", path, round + 1,
				 rounds, kinds[i].name);
			error = measure(run, &kinds[i], &times[i]);
			if (error)
				times[i].error = error;
			else
				times[i].nr++;
		}
	snprintf(title, sizeof(title),
		 "asynchronous: %s, %u operations of %zu bytes", path,
		 run->file.nr, run->file.size / run->file.nr);
	table_begin(title, asynchronous_columns);
	for (i = 0; i < NR_KINDS; i++)
		if (is_possible(&run->file, &kinds[i]))
			print_row(&kinds[i], &times[i], rounds);
	table_end();
	free(times);
}

static void tell_info(const struct async_file *file, const char *path)
{
	struct kaio_file_info info;

	if (file->direct < 0 || kaio_get_file_info(file->direct, &info) < 0)
		return;
	note("%s: KAIO_FILE_ASYNC is %sset with O_DIRECT", path,
	     info.flags & KAIO_FILE_ASYNC ? "" : "not ");
}

static void measure_file(const char *path, const struct options *options)
{
	struct run run = { 0 };
	int ret;

	async_file_open(&run.file, path, options);
	ret = kaio_setup(run.file.nr, &run.ctx);
	if (ret < 0)
		die("%s", kaio_explain(KAIO_CALL_SETUP, ret));
	run.iocbs = must_have(calloc(run.file.nr, sizeof(*run.iocbs)));
	run.order = must_have(calloc(run.file.nr, sizeof(*run.order)));
	run.events = must_have(calloc(run.file.nr, sizeof(*run.events)));
	measure_all(&run, path, options->rounds);
	tell_info(&run.file, path);
	kaio_destroy(run.ctx);
	free(run.iocbs);
	free(run.order);
	free(run.events);
	async_file_close(&run.file);
}

static void run(struct options *options)
{
	char *const *path = options->targets;

	if (!*path)
		usage_error("asynchronous: which file or device?");
	if (options->block % 4096)
		usage_error("--block: not a multiple of 4096");
	if (!options->rounds)
		options->rounds = 15;
	report_begin("asynchronous");
	for (; *path; path++)
		measure_file(*path, options);
	report_end();
}

const struct command asynchronous_command = {
	.name = "asynchronous",
	.arguments = "[OPTION...] FILE...",
	.about = "what is asynchronous on a file system or device",
	.details =
		"Measures how much of the time of operations passes within "
		"io_submit, on a file that\nis made for it beside each FILE "
		"and removed, or on a block device, which is only\nread; "
		"--write overwrites its start, too. The operations are 8 of "
		"1 MiB, or one of\n8 MiB, and with O_DIRECT if nothing else is "
		"said.",
	.columns = asynchronous_columns,
	.options = "bnrw",
	.run = run,
};
