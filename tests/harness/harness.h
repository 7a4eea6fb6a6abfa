/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What every test program is run by: Check, with skips that are counted. */
#ifndef HARNESS_H
#define HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Ends a test that cannot run here, by its name and with the reason. */
#define SKIP(...)                                    \
	do {                                         \
		harness_skip(__func__, __VA_ARGS__); \
		return;                              \
	} while (0)

void harness_skip(const char *function, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Runs the suites of a program, prints how many tests passed, failed and were
 * skipped, and returns what main() shall: 77 if all were skipped.
 */
int harness_run(Suite *const *suites, size_t nr);

/* A suite of these tests, run once; or twice: with the ring, and with
 * KAIO_NO_RING=1. */
Suite *harness_suite(const char *name, const TTest *const *tests, size_t nr);
Suite *harness_both_ways(const char *name, const TTest *const *tests,
			 size_t nr);

/* And once more with the ring, and with KAIO_SPIN_NS. */
Suite *harness_all_ways(const char *name, const TTest *const *tests, size_t nr);

/* Valgrind takes a bad address for an error of the test's. */
bool harness_is_under_valgrind(void);

/* Whether the test runs with the ring. */
bool harness_has_ring(void);

/* Like in value, so that a failure prints both. */
#define ck_assert_ok(call) ck_assert_int_eq((call), 0)

#endif
