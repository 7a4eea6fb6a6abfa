/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: its symbol versions, old ones included. */
#include "fixture-libaio.h"
#include "suites.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

static struct timespec none;
static struct timespec second = { 1, 0 };

/* The functions before LIBAIO_0.4. */
typedef int (*cancel_0_1)(io_context_t ctx, struct iocb *iocb);
typedef int (*getevents_0_1)(io_context_t ctx, long nr, struct io_event *events,
			     const struct timespec *timeout);
typedef int (*queue_wait)(io_context_t ctx, const struct timespec *timeout);

#define NO_VERSIONS "the static library, or the C library, has no versions"

#ifdef __GLIBC__
/* NULL for the static library. */
static bool lacks_versions(void)
{
	return !dlsym(RTLD_DEFAULT, "io_submit");
}
#else
/* musl finds a symbol in its newest version alone. */
static bool lacks_versions(void)
{
	return true;
}

static void *dlvsym(void *library, const char *symbol, const char *version)
{
	(void)library, (void)symbol, (void)version;
	return NULL;
}
#endif

START_TEST(every_symbol_has_its_version)
{
	static const struct {
		const char *version;
		const char *symbols[6];
	} nodes[] = {
		{ "LIBAIO_0.1",
		  { "io_queue_init", "io_queue_run", "io_queue_release",
		    "io_submit" } },
		{ "LIBAIO_0.1",
		  { "io_cancel", "io_getevents", "io_queue_wait" } },
		{ "LIBAIO_0.4",
		  { "io_setup", "io_destroy", "io_cancel", "io_getevents",
		    "io_queue_wait" } },
		{ "LIBAIO_0.5", { "io_pgetevents" } },
	};
	size_t found = 0;
	size_t i, j;

	if (lacks_versions())
		SKIP(NO_VERSIONS);
	for (i = 0; i < COUNT(nodes); i++) {
		for (j = 0; j < 6 && nodes[i].symbols[j]; j++) {
			const char *symbol = nodes[i].symbols[j];
			const char *version = nodes[i].version;

			ck_assert_msg(dlvsym(RTLD_DEFAULT, symbol, version) !=
					      NULL,
				      "%s@%s", symbol, version);
			found++;
		}
	}
	ck_assert_uint_eq(found, 13);
}
END_TEST

/* ISO C converts a number to a function, and no object pointer. */
static uintptr_t versioned(const char *symbol, const char *version)
{
	void *address = dlvsym(RTLD_DEFAULT, symbol, version);

	ck_assert_ptr_nonnull(address);
	return (uintptr_t)address;
}

START_TEST(a_program_linked_today_gets_the_newest)
{
	static const char *const symbols[] = { "io_cancel", "io_getevents",
					       "io_queue_wait" };
	size_t i;

	if (lacks_versions())
		SKIP(NO_VERSIONS);
	for (i = 0; i < COUNT(symbols); i++) {
		uintptr_t linked = (uintptr_t)dlsym(RTLD_DEFAULT, symbols[i]);

		ck_assert_uint_eq(linked, versioned(symbols[i], "LIBAIO_0.4"));
		ck_assert_uint_ne(linked, versioned(symbols[i], "LIBAIO_0.1"));
	}
}
END_TEST

START_TEST(nothing_else_is_exported)
{
	static const char *const others[] = { "kaio_submit", "io_queue_grow",
					      "io_setup_0_1" };
	void *library = dlopen("libaio.so.1", RTLD_NOW | RTLD_NOLOAD);
	size_t i;

	if (!library)
		SKIP(NO_VERSIONS);
	for (i = 0; i < COUNT(others); i++)
		ck_assert_ptr_null(dlsym(library, others[i]));
}
END_TEST

START_TEST(the_old_getevents_waits_for_one_with_four_arguments)
{
	io_context_t ctx = libaio_context(8);
	const uint64_t one = 1;
	struct io_event events[4];
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	getevents_0_1 call;
	int fd;

	if (lacks_versions())
		SKIP(NO_VERSIONS);
	call = (getevents_0_1)versioned("io_getevents", "LIBAIO_0.1");
	ck_assert_call(call(ctx, 4, events, &none), 0);
	fd = libaio_endless(&iocb, 5);
	ck_assert_call(io_submit(ctx, 1, list), 1);
	ck_assert_call(call(ctx, 4, events, &none), 0);
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	ck_assert_call(call(ctx, 4, events, NULL), 1);
	ck_assert_ptr_eq(events[0].obj, &iocb);
	ck_assert_ptr_eq(events[0].data, iocb.data);
	libaio_submit_good(ctx, 0, 3);
	ck_assert_call(call(ctx, 2, events, &second), 2);
	ck_assert_call(call(ctx, 0, events, &second), -EINVAL);
	ck_assert_call(call(ctx, 4, events, &none), 1);
	ck_assert_call(call(NULL, 1, events, NULL), -EINVAL);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

START_TEST(the_old_cancel_has_no_event)
{
	io_context_t ctx = libaio_context(1);
	struct iocb iocb;
	struct iocb *list[] = { &iocb };
	cancel_0_1 call;

	if (lacks_versions())
		SKIP(NO_VERSIONS);
	call = (cancel_0_1)versioned("io_cancel", "LIBAIO_0.1");
	libaio_endless(&iocb, 1);
	ck_assert_call(call(ctx, &iocb), -EINVAL);
	ck_assert_call(call(ctx, NULL), -EFAULT);
	ck_assert_call(io_submit(ctx, 1, list), 1);
	ck_assert_call(call(ctx, &iocb), -EINPROGRESS);
	ck_assert_int_eq(libaio_result(ctx, &iocb), 0);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

/* Its manual page says that it waits. */
START_TEST(neither_queue_wait_waits_or_collects)
{
	static const char *const versions[] = { "LIBAIO_0.1", "LIBAIO_0.4" };
	io_context_t ctx = libaio_context(4);
	struct io_event events[4];
	size_t i;

	if (lacks_versions())
		SKIP(NO_VERSIONS);
	for (i = 0; i < COUNT(versions); i++) {
		queue_wait wait =
			(queue_wait)versioned("io_queue_wait", versions[i]);

		ck_assert_call(wait(ctx, NULL), 0);
		ck_assert_call(wait(ctx, &second), 0);
		ck_assert_call(wait(ctx, &none), 0);
		libaio_submit_good(ctx, i, 1);
		ck_assert_call(wait(ctx, NULL), 0);
		ck_assert_call(wait(ctx, &second), 0);
		ck_assert_call(wait(ctx, &none), 0);
		ck_assert_call(io_getevents(ctx, 0, 4, events, &none), 1);
		ck_assert_call(wait(NULL, NULL), -EINVAL);
	}
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST

#if __SIZEOF_LONG__ == 4
typedef int (*getevents_time64)(io_context_t ctx, long min_nr, long nr,
				struct io_event *events, void *timeout);
typedef int (*pgetevents_time64)(io_context_t ctx, long min_nr, long nr,
				 struct io_event *events, void *timeout,
				 sigset_t *sigmask);

/* Programs with a 64-bit time_t on 32-bit glibc use other names. */
START_TEST(programs_with_64_bit_time_have_their_own)
{
	struct {
		int64_t seconds;
		int64_t nanoseconds;
	} short_time = { 0, 1000000 };
	getevents_time64 getevents;
	pgetevents_time64 pgetevents;
	io_context_t ctx = libaio_context(4);
	struct io_event event;

	if (lacks_versions() || libaio_is_foreign())
		SKIP("only the shared drop-in has it");
	getevents = (getevents_time64)versioned("io_getevents_time64",
						"LIBAIO_0.6");
	pgetevents = (pgetevents_time64)versioned("io_pgetevents_time64",
						  "LIBAIO_0.6");
	ck_assert_call(getevents(ctx, 1, 1, &event, &short_time), 0);
	ck_assert_call(pgetevents(ctx, 1, 1, &event, &short_time, NULL), 0);
	libaio_submit_good(ctx, 0, 2);
	/* The low half, which a 32-bit time_t would use, is 0. */
	short_time.seconds = INT64_C(1) << 32;
	ck_assert_call(getevents(ctx, 1, 1, &event, &short_time), 1);
	ck_assert_call(pgetevents(ctx, 1, 1, &event, &short_time, NULL), 1);
	ck_assert_call(io_destroy(ctx), 0);
}
END_TEST
#endif

static const char *soname(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	const char *strings = NULL;
	const ElfW(Dyn) * entry;
	size_t name = 0;
	struct link_map *map;

	if (!library || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0)
		return NULL;
	for (entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_STRTAB)
			strings = (const char *)entry->d_un.d_ptr;
		if (entry->d_tag == DT_SONAME)
			name = entry->d_un.d_val;
	}
	return name ? strings + name : NULL;
}

/* Programs from Debian 13 load libaio.so.1t64. */
START_TEST(both_names_are_files_of_one_library)
{
	static const char *const names[] = { "libaio.so", "libaio.so.1",
					     "libaio.so.1t64" };
	size_t i;

	if (lacks_versions() || libaio_is_foreign())
		SKIP("only the shared drop-in has it");
	for (i = 0; i < COUNT(names); i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", LIBAIO_DIR, names[i]);
		ck_assert_pstr_eq(soname(path), "libaio.so.1");
		ck_assert_ptr_eq(dlsym(dlopen(path, RTLD_NOW), "io_submit"),
				 dlsym(RTLD_DEFAULT, "io_submit"));
	}
}
END_TEST

Suite *suite_libaio_versions(void)
{
	const TTest *tests[] = {
		every_symbol_has_its_version,
		a_program_linked_today_gets_the_newest,
		nothing_else_is_exported,
		the_old_getevents_waits_for_one_with_four_arguments,
		the_old_cancel_has_no_event,
		neither_queue_wait_waits_or_collects,
#if __SIZEOF_LONG__ == 4
		programs_with_64_bit_time_have_their_own,
#endif
		both_names_are_files_of_one_library,
	};

	return libaio_suite("libaio: versions", tests, COUNT(tests));
}
