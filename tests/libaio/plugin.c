/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The libaio drop-in: loaded and unloaded by plugins. */
#include "harness.h"
#include "suites.h"

#include <libaio.h>

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY LIBAIO_DIR "/libaio.so.1"

typedef int (*setup_call)(int maxevents, io_context_t *ctxp);
typedef int (*destroy_call)(io_context_t ctx);

static void *function(void *library, const char *name)
{
	void *symbol = dlsym(library, name);

	ck_assert_ptr_nonnull(symbol);
	return symbol;
}

static void come_and_go(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	void *symbols[2];
	io_context_t ctx = NULL;
	destroy_call destroy;
	setup_call setup;

	ck_assert_ptr_nonnull(library);
	symbols[0] = function(library, "io_setup");
	symbols[1] = function(library, "io_destroy");
	memcpy(&setup, &symbols[0], sizeof(setup));
	memcpy(&destroy, &symbols[1], sizeof(destroy));
	ck_assert_int_eq(setup(1, &ctx), 0);
	ck_assert_int_eq(destroy(ctx), 0);
	ck_assert_ok(dlclose(library));
}

START_TEST(it_stays_loaded_once)
{
	void *library;
	void *first;

	if (access(LIBRARY, R_OK) != 0)
		SKIP("there is no shared library");
	ck_assert_ptr_null(dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD));
	come_and_go();
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD);
	ck_assert_ptr_nonnull(library);
	first = function(library, "io_setup");
	ck_assert_ok(dlclose(library));
	come_and_go();
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD);
	ck_assert_ptr_nonnull(library);
	ck_assert_ptr_eq(function(library, "io_setup"), first);
}
END_TEST

Suite *suite_libaio_plugin(void)
{
	const TTest *tests[] = {
		it_stays_loaded_once,
	};

	return harness_suite("libaio-plugin", tests, COUNT(tests));
}
