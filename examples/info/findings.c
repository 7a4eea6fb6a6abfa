/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What is missing, and what to do about it. */
#include "info.h"

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 4, 5))) static void
add(struct info *info, bool missing, const char *about, const char *format, ...)
{
	struct finding *finding;
	va_list arguments;

	info->findings =
		realloc(info->findings,
			sizeof(*finding) * (size_t)(info->nr_findings + 1));
	if (!info->findings)
		err(1, NULL);
	finding = &info->findings[info->nr_findings++];
	finding->missing = missing;
	finding->about = about;
	va_start(arguments, format);
	if (vasprintf(&finding->sentence, format, arguments) < 0)
		err(1, NULL);
	va_end(arguments);
}

static void explain(struct info *info, bool missing, const char *about,
		    enum kaio_call call, int error)
{
	if (error < 0)
		add(info, missing, about, "%s", kaio_explain(call, error));
}

static void find_of_calls(struct info *info)
{
	const struct kaio_probe *probe = &info->probe;

	explain(info, true, "io_setup", KAIO_CALL_SETUP, probe->setup);
	if (probe->setup == -ENOSYS && !info->limits_error)
		add(info, true, "io_setup",
		    "The kernel has AIO, as there is fs.aio-max-nr: a policy "
		    "hides io_setup.");
	explain(info, true, "io_destroy", KAIO_CALL_DESTROY, probe->destroy);
	/* Nothing was submitted: the general sentence, not that about files. */
	explain(info, true, "io_submit", KAIO_CALL_DESTROY, probe->submit);
	if (probe->getevents < 0 && probe->pgetevents < 0) {
		explain(info, true, "io_getevents, io_pgetevents",
			KAIO_CALL_QUEUE_WAIT, probe->getevents);
	} else {
		explain(info, false, "io_getevents", KAIO_CALL_GETEVENTS,
			probe->getevents);
		explain(info, false, "io_pgetevents", KAIO_CALL_PGETEVENTS,
			probe->pgetevents);
	}
	if (probe->cancel == -EINVAL)
		add(info, false, "io_cancel", "Polls cannot be cancelled.");
	else
		explain(info, false, "io_cancel", KAIO_CALL_CANCEL,
			probe->cancel);
}

static void find_of_system(struct info *info)
{
	int before = info->nr_findings;

	find_of_calls(info);
	if (info->works < 0 && info->nr_findings == before)
		explain(info, true, "AIO", KAIO_CALL_PROBE_SYSTEM, info->works);
	if (info->works < 0)
		return;
	explain(info, false, "ring", KAIO_CALL_RING_ATTACH, info->probe.ring);
	if (!(info->probe.opcodes & 1u << KAIO_OP_POLL))
		explain(info, false, "poll", KAIO_CALL_QUEUE_CREATE, -ENOTSUP);
}

static void find_of_quota(struct info *info)
{
	const struct kaio_limits *limits = &info->limits;
	uint64_t left = info_left(limits);

	explain(info, false, "quota", KAIO_CALL_GET_LIMITS, info->limits_error);
	if (info->limits_error || left >= info->depth)
		return;
	add(info, true, "fs.aio-max-nr",
	    "A queue of depth %u needs %u operations, and %llu are left: stop "
	    "programs that use AIO, or raise the limit on the host, where it "
	    "counts for all containers: sysctl fs.aio-max-nr=%llu",
	    info->depth, info->depth, (unsigned long long)left,
	    (unsigned long long)(2 * limits->aio_max_nr + info->depth));
}

/* Why it is not asynchronous, for other files than regular ones and disks. */
static const char *of_kind(uint32_t kind)
{
	switch (kind) {
	case KAIO_FILE_DIRECTORY:
		return "This is a directory, which AIO does not read: name a "
		       "file in it.";
	case KAIO_FILE_PIPE:
	case KAIO_FILE_SOCKET:
		return "Reads and writes of pipes and sockets are done inside "
		       "io_submit, which may wait: use poll operations.";
	default:
		return "Reads and writes of this device are done inside "
		       "io_submit.";
	}
}

static const char *of_reads(const struct file *file)
{
	if (file->info.kind != KAIO_FILE_REGULAR &&
	    file->info.kind != KAIO_FILE_BLOCK)
		return of_kind(file->info.kind);
	if (file->is_memory)
		return "The file is in memory, and its data is copied inside "
		       "io_submit: use a file system on a disk.";
	if (!(file->info.flags & KAIO_FILE_CAN_DIRECT))
		return "O_DIRECT is not possible for this file, so reads and "
		       "writes are done inside io_submit: use one that is not "
		       "encrypted, compressed or journalled with its data.";
	if (!(file->info.flags & KAIO_FILE_DIRECT))
		return "The file system refuses O_DIRECT, so reads and writes "
		       "are done inside io_submit: use another file system.";
	return "The file is in DAX memory, and its data is copied inside "
	       "io_submit: pread and pwrite are as good.";
}

static void find_of_file(struct info *info, const struct file *file)
{
	if (file->error) {
		add(info, true, file->path, "The file cannot be opened: %s.",
		    strerror(file->error));
		return;
	}
	if (!file->reads) {
		add(info, true, file->path, "%s", of_reads(file));
		return;
	}
	if (!file->writes_known)
		add(info, false, file->path,
		    "The file cannot be opened for writing, so it is not known "
		    "whether writes are asynchronous.");
	else if (!file->writes)
		add(info, true, file->path,
		    "Writes are done inside io_submit, as btrfs computes "
		    "checksums: create the file with the attribute NOCOW "
		    "(chattr +C while it is empty), or use another file "
		    "system.");
	if (file->is_remote)
		add(info, false, file->path,
		    "This holds if it holds for what is under or behind "
		    "%s.",
		    file->file_system);
	if (file->has_holes)
		add(info, false, file->path,
		    "The file has holes, or its data is compressed: writes to "
		    "holes allocate blocks inside io_submit, and may wait "
		    "there. Write all of it once before.");
}

void info_find(struct info *info)
{
	find_of_system(info);
	find_of_quota(info);
	for (int i = 0; i < info->nr_files; i++)
		find_of_file(info, &info->files[i]);
}
