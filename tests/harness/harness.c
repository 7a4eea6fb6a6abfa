/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "harness.h"

#include "faults.h"

#include <kaio.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Tests run in children: the count is shared with them. */
static int *skipped;

void harness_skip(const char *function, const char *format, ...)
{
	/* Check names the function of a test TEST_fn. */
	int length = (int)strlen(function) - (int)strlen("_fn");
	va_list arguments;

	printf("SKIP: %.*s: ", length, function);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	fflush(stdout);
	__atomic_fetch_add(skipped, 1, __ATOMIC_RELAXED);
}

static void with_ring(void)
{
	faults_reset();
	unsetenv("KAIO_NO_RING");
	unsetenv("KAIO_SPIN_NS");
}

static void without_ring(void)
{
	with_ring();
	setenv("KAIO_NO_RING", "1", 1);
}

static void spinning(void)
{
	with_ring();
	setenv("KAIO_SPIN_NS", "50000", 1);
}

bool harness_is_under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload_");
}

bool harness_has_ring(void)
{
	return !getenv("KAIO_NO_RING") && !harness_is_under_valgrind();
}

static void add(Suite *suite, const char *name, SFun setup,
		const TTest *const *tests, size_t nr)
{
	TCase *tcase = tcase_create(name);
	size_t i;

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, NULL);
	for (i = 0; i < nr; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
}

int harness_run(Suite *const *suites, size_t nr)
{
	SRunner *runner = srunner_create(suites[0]);
	int total;
	int failed;
	size_t i;

	skipped = mmap(NULL, sizeof(*skipped), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (skipped == MAP_FAILED)
		return 99;
	for (i = 1; i < nr; i++)
		srunner_add_suite(runner, suites[i]);
	srunner_run_all(runner, CK_ENV);
	total = srunner_ntests_run(runner);
	failed = srunner_ntests_failed(runner);
	printf("%d passed, %d failed, %d skipped\n", total - failed - *skipped,
	       failed, *skipped);
	srunner_free(runner);
	if (failed)
		return EXIT_FAILURE;
	return *skipped == total ? 77 : EXIT_SUCCESS;
}

Suite *harness_suite(const char *name, const TTest *const *tests, size_t nr)
{
	Suite *suite = suite_create(name);

	add(suite, name, faults_reset, tests, nr);
	return suite;
}

Suite *harness_both_ways(const char *name, const TTest *const *tests, size_t nr)
{
	Suite *suite = suite_create(name);

	add(suite, "with the ring", with_ring, tests, nr);
	add(suite, "without the ring", without_ring, tests, nr);
	return suite;
}

Suite *harness_all_ways(const char *name, const TTest *const *tests, size_t nr)
{
	Suite *suite = harness_both_ways(name, tests, nr);

	add(suite, "spinning", spinning, tests, nr);
	return suite;
}
