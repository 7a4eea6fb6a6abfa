/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The probe layer: the system's limit, and what a depth costs. */
#include "faults.h"
#include "harness.h"
#include "suites.h"

#include <kaio.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

START_TEST(a_context_is_charged_its_depth)
{
	struct kaio_limits limits;
	kaio_context_t ctx = 0;
	size_t i;

	ck_assert_ok(kaio_setup(1000, &ctx));
	errno = 4711;
	memset(&limits, 0xff, sizeof(limits));
	ck_assert_ok(kaio_get_limits(&limits));
	ck_assert_int_eq(errno, 4711);
	/* Other processes may have contexts. */
	ck_assert_uint_ge(limits.aio_nr, 1000);
	ck_assert_uint_le(limits.aio_nr, limits.aio_max_nr);
	ck_assert_uint_ge(limits.possible_cpus,
			  (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
	ck_assert_uint_eq(limits.page_size, (unsigned)sysconf(_SC_PAGESIZE));
	for (i = 0; i < COUNT(limits.reserved); i++)
		ck_assert_uint_eq(limits.reserved[i], 0);
	ck_assert_ok(kaio_destroy(ctx));
}
END_TEST

START_TEST(aio_max_nr_is_where_depths_end)
{
	struct kaio_limits limits;
	kaio_context_t ctx = 0;

	ck_assert_ok(kaio_get_limits(&limits));
	if (limits.aio_max_nr >= 4194304)
		SKIP("fs.aio-max-nr is without effect");
	ck_assert_int_eq(kaio_setup((unsigned)limits.aio_max_nr + 1, &ctx),
			 -EAGAIN);
}
END_TEST

START_TEST(the_size_of_a_ring_is_the_kernels)
{
	const unsigned depths[] = { 1, 62, 63, 64, 126, 127, 128, 1000, 5000 };
	struct kaio_limits limits;
	size_t i;

	ck_assert_ok(kaio_get_limits(&limits));
	for (i = 0; i < COUNT(depths); i++) {
		kaio_context_t ctx = 0;
		struct kaio_ring ring;

		ck_assert_ok(kaio_setup(depths[i], &ctx));
		if (kaio_ring_attach(&ring, ctx) < 0)
			SKIP("there is no ring here");
		ck_assert_uint_eq(kaio_limits_ring_bytes(&limits, depths[i]),
				  sizeof(struct kaio_ring_header) +
					  ring.nr * sizeof(struct kaio_event));
		ck_assert_ok(kaio_destroy(ctx));
	}
}
END_TEST

START_TEST(many_processors_make_small_contexts_large)
{
	const struct kaio_limits limits = { .possible_cpus = 1024,
					    .page_size = 4096 };

	ck_assert_uint_eq(kaio_limits_ring_bytes(&limits, 1), 266240);
	ck_assert_uint_eq(kaio_limits_ring_bytes(&limits, 4096), 266240);
	ck_assert_uint_eq(kaio_limits_ring_bytes(&limits, 4194304),
			  UINT64_C(268439552));
}
END_TEST

static void passes_through(int error)
{
	struct kaio_limits limits = { .aio_nr = 4711 };
	unsigned i;

	for (i = 0; i < 2; i++) {
		faults_fail_after(SYS_openat, i, error);
		errno = 4711;
		ck_assert_int_eq(kaio_get_limits(&limits), -error);
		ck_assert_int_eq(errno, 4711);
		ck_assert_uint_eq(limits.aio_nr, 4711);
	}
}

START_TEST(without_proc_it_is_enoent)
{
	passes_through(ENOENT);
}
END_TEST

START_TEST(where_reading_is_forbidden_it_is_eacces)
{
	passes_through(EACCES);
}
END_TEST

START_TEST(where_the_system_has_no_file_descriptors_it_is_enfile)
{
	passes_through(ENFILE);
}
END_TEST

START_TEST(what_cannot_be_read_is_enodata)
{
	struct kaio_limits limits;

	faults_fail(SYS_read, EIO, 1);
	ck_assert_int_eq(kaio_get_limits(&limits), -ENODATA);
}
END_TEST

START_TEST(without_sysfs_the_processors_are_those_configured)
{
	struct kaio_limits limits;

	faults_fail_after(SYS_openat, 2, ENOENT);
	ck_assert_ok(kaio_get_limits(&limits));
	ck_assert_uint_eq(limits.possible_cpus,
			  (unsigned)sysconf(_SC_NPROCESSORS_CONF));
}
END_TEST

START_TEST(without_file_descriptors_it_is_emfile)
{
	struct kaio_limits limits;
	struct rlimit before;
	struct rlimit none;

	ck_assert_ok(getrlimit(RLIMIT_NOFILE, &before));
	none = before;
	none.rlim_cur = 0;
	ck_assert_ok(setrlimit(RLIMIT_NOFILE, &none));
	ck_assert_int_eq(kaio_get_limits(&limits), -EMFILE);
	ck_assert_ok(setrlimit(RLIMIT_NOFILE, &before));
	ck_assert_int_eq(kaio_get_limits(NULL), -EINVAL);
}
END_TEST

static const char *replaced_path;
static char replacement[32];

static int open_replacement(long number, long *arguments)
{
	if (number == SYS_openat &&
	    strcmp((const char *)arguments[1], replaced_path) == 0)
		arguments[1] = (long)replacement;
	return 0;
}

/*
 * For the library, the file at path reads as content; not for sysconf(3), which
 * may count the processors by the same list.
 */
static void replace(const char *path, const char *content)
{
	size_t length = strlen(content);
	int fd = memfd_create("replacement", 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, length), (ssize_t)length);
	snprintf(replacement, sizeof(replacement), "/proc/self/fd/%d", fd);
	replaced_path = path;
	faults_before_call(open_replacement);
}

START_TEST(a_file_without_a_number_is_enodata)
{
	struct kaio_limits limits;

	replace("/proc/sys/fs/aio-max-nr", "none\n");
	ck_assert_int_eq(kaio_get_limits(&limits), -ENODATA);
}
END_TEST

START_TEST(possible_processors_are_counted_in_ranges)
{
	static const struct {
		const char *list;
		unsigned cpus;
	} lists[] = { { "0\n", 1 },
		      { "0-3\n", 4 },
		      { "0-3,8\n", 5 },
		      { "0,2-5,16-31\n", 21 } };
	struct kaio_limits limits;
	size_t i;

	for (i = 0; i < COUNT(lists); i++) {
		replace("/sys/devices/system/cpu/possible", lists[i].list);
		ck_assert_ok(kaio_get_limits(&limits));
		ck_assert_uint_eq(limits.possible_cpus, lists[i].cpus);
	}
}
END_TEST

START_TEST(a_list_of_processors_that_is_none_is_not_counted)
{
	const char *lists[] = { "\n", "x\n", "0-3;\n", "0,\n" };
	struct kaio_limits limits;
	size_t i;

	for (i = 0; i < COUNT(lists); i++) {
		replace("/sys/devices/system/cpu/possible", lists[i]);
		ck_assert_ok(kaio_get_limits(&limits));
		ck_assert_uint_eq(limits.possible_cpus,
				  (unsigned)sysconf(_SC_NPROCESSORS_CONF));
	}
}
END_TEST

Suite *suite_probe_limits(void)
{
	const TTest *tests[] = {
		a_context_is_charged_its_depth,
		aio_max_nr_is_where_depths_end,
		the_size_of_a_ring_is_the_kernels,
		many_processors_make_small_contexts_large,
		without_proc_it_is_enoent,
		where_reading_is_forbidden_it_is_eacces,
		where_the_system_has_no_file_descriptors_it_is_enfile,
		what_cannot_be_read_is_enodata,
		without_sysfs_the_processors_are_those_configured,
		without_file_descriptors_it_is_emfile,
		a_file_without_a_number_is_enodata,
		possible_processors_are_counted_in_ranges,
		a_list_of_processors_that_is_none_is_not_counted,
	};

	return harness_suite("limits", tests, COUNT(tests));
}
