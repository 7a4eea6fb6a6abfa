/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * kaio-info: what kernel AIO can do here and for these files, and in sentences
 * what is missing: see kaio-info(1).
 */
#include "info.h"
#include "output.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 4194304 /* of a context */
#define NR(array) (sizeof(array) / sizeof(*(array)))

static const char *const operations[] = {
	[KAIO_OP_PREAD] = "pread",     [KAIO_OP_PWRITE] = "pwrite",
	[KAIO_OP_FSYNC] = "fsync",     [KAIO_OP_FDSYNC] = "fdsync",
	[KAIO_OP_POLL] = "poll",       [KAIO_OP_PREADV] = "preadv",
	[KAIO_OP_PWRITEV] = "pwritev",
};

/* From bit 0: KAIO_RWF_HIPRI and so on. */
static const char *const rw_flags[] = { "HIPRI",  "DSYNC",     "SYNC",
					"NOWAIT", "APPEND",    "NOAPPEND",
					"ATOMIC", "DONTCACHE", "NOSIGNAL" };

static const char *const iocb_flags[] = { "RESFD", "IOPRIO" };

static const char *const kinds[] = {
	[KAIO_FILE_OTHER] = "other",
	[KAIO_FILE_REGULAR] = "regular file",
	[KAIO_FILE_BLOCK] = "block device",
	[KAIO_FILE_CHAR] = "character device",
	[KAIO_FILE_DIRECTORY] = "directory",
	[KAIO_FILE_PIPE] = "pipe",
	[KAIO_FILE_SOCKET] = "socket",
};

static const char *const align_sources[] = {
	[KAIO_ALIGN_NONE] = "none",
	[KAIO_ALIGN_FILE] = "file",
	[KAIO_ALIGN_DEVICE] = "device",
	[KAIO_ALIGN_GUESS] = "guess",
};

/* The library may be newer than this. */
static const char *word(const char *const *words, size_t nr, uint32_t index)
{
	return index < nr ? words[index] : "other";
}

static void put_call(const char *name, int error)
{
	static const struct {
		int number;
		const char *name;
	} errors[] = {
		{ 0, "works" },	      { EPERM, "EPERM" },
		{ ENOSYS, "ENOSYS" }, { EAGAIN, "EAGAIN" },
		{ EACCES, "EACCES" }, { EINVAL, "EINVAL" },
		{ ENOMEM, "ENOMEM" }, { ENOTSUP, "ENOTSUP" },
	};
	char other[32];

	for (size_t i = 0; i < NR(errors); i++) {
		if (errors[i].number != -error)
			continue;
		output_string(name, errors[i].name);
		return;
	}
	snprintf(other, sizeof(other), "errno %d", -error);
	output_string(name, other);
}

static void put_system(const struct info *info)
{
	const struct kaio_probe *probe = &info->probe;

	output_object("calls");
	put_call("io_setup", probe->setup);
	put_call("io_destroy", probe->destroy);
	put_call("io_submit", probe->submit);
	put_call("io_cancel", probe->cancel);
	put_call("io_getevents", probe->getevents);
	put_call("io_pgetevents", probe->pgetevents);
	output_object_end();
	if (info->works < 0)
		return;
	put_call("ring", probe->ring);
	output_bits("operations", probe->opcodes, operations, NR(operations));
	output_bits("rw_flags", probe->rw_flags, rw_flags, NR(rw_flags));
	output_bits("iocb_flags", probe->iocb_flags, iocb_flags,
		    NR(iocb_flags));
}

static void put_quota(const struct info *info)
{
	const struct kaio_limits *limits = &info->limits;
	uint64_t left = info_left(limits);

	if (info->limits_error) {
		output_unknown("quota");
		return;
	}
	output_object("quota");
	output_number("aio_nr", limits->aio_nr);
	output_number("aio_max_nr", limits->aio_max_nr);
	output_number("left", left);
	output_object_end();
	output_object("queue");
	output_number("depth", info->depth);
	output_number("operations", info->depth);
	output_number("operations_wake_or_shared", info->depth + 1);
	output_number("ring_bytes",
		      kaio_limits_ring_bytes(limits, info->depth));
	output_number("queues_left", left / info->depth);
	output_object_end();
}

static void put_file(const struct file *file)
{
	const struct kaio_file_info *found = &file->info;

	output_object(NULL);
	output_string("path", file->path);
	if (file->error) {
		output_string("error", strerror(file->error));
	} else {
		output_string("kind", word(kinds, NR(kinds), found->kind));
		if (file->file_system)
			output_string("file_system", file->file_system);
		output_bool("o_direct",
			    found->flags & KAIO_FILE_DIRECT &&
				    found->flags & KAIO_FILE_CAN_DIRECT);
		output_string("alignment_from",
			      word(align_sources, NR(align_sources),
				   found->align_source));
		if (found->align_source != KAIO_ALIGN_NONE) {
			output_number("memory_alignment", found->mem_align);
			output_number("offset_alignment", found->offset_align);
			output_number("read_alignment", found->read_align);
		}
		output_bool("asynchronous_reads", file->reads);
		if (file->writes_known)
			output_bool("asynchronous_writes", file->writes);
		else
			output_unknown("asynchronous_writes");
	}
	output_object_end();
}

/* How many there are. */
static int put_findings(const struct info *info, const char *name, bool missing,
			bool json)
{
	int nr = 0;

	for (int i = 0; i < info->nr_findings; i++)
		nr += info->findings[i].missing == missing;
	if (nr == 0 && !json)
		return 0;
	output_list(name);
	for (int i = 0; i < info->nr_findings; i++) {
		if (info->findings[i].missing != missing)
			continue;
		output_object(NULL);
		output_string("about", info->findings[i].about);
		output_string("sentence", info->findings[i].sentence);
		output_object_end();
	}
	output_list_end();
	return nr;
}

static int put_all(const struct info *info, bool json)
{
	int missing;

	output_begin(json);
	output_string("libkaio", kaio_version());
	output_bool("aio_works", info->works == 0);
	put_system(info);
	put_quota(info);
	if (info->nr_files) {
		output_list("files");
		for (int i = 0; i < info->nr_files; i++)
			put_file(&info->files[i]);
		output_list_end();
	}
	missing = put_findings(info, "missing", true, json);
	put_findings(info, "notes", false, json);
	output_end();
	if (fflush(stdout) || ferror(stdout))
		err(1, "standard output");
	return missing ? 1 : 0;
}

static void usage(FILE *stream)
{
	fprintf(stream,
		"usage: kaio-info [--depth N] [--json] [FILE...]\n"
		"       kaio-info --help | --version\n"
		"Says what kernel AIO can do here and for each FILE, and what "
		"is missing.\n"
		"  -d, --depth N  the depth of a queue, for its quota (128)\n"
		"  -j, --json     as JSON\n"
		"Exit status: 0 if AIO works and each FILE is asynchronous, 1 "
		"if something\nis missing, 2 for a wrong command line.\n");
}

static unsigned parse_depth(const char *word)
{
	char *end;
	unsigned long depth = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || *end || depth < 1 ||
	    depth > DEPTH_MAX)
		errx(2, "--depth is not 1 to %d: %s", DEPTH_MAX, word);
	return (unsigned)depth;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "depth", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	static struct info info = { .depth = 128 };
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, "d:j", options, NULL)) >= 0)
		switch (option) {
		case 'd':
			info.depth = parse_depth(optarg);
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			printf("kaio-info %s\n", kaio_version());
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	info.works = kaio_probe_system(&info.probe);
	info.limits_error = kaio_get_limits(&info.limits);
	info.nr_files = argc - optind;
	info.files = calloc((size_t)info.nr_files + 1, sizeof(*info.files));
	if (!info.files)
		err(1, NULL);
	for (int i = 0; i < info.nr_files; i++)
		info_examine(&info.files[i], argv[optind + i]);
	info_find(&info);
	return put_all(&info, json);
}
