/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What the drop-in reads from the environment, and when it does not. */
#include "environment.h"
#include "harness.h"
#include "suites.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* What a run of main() returns: see there. */
enum {
	NO_RING = 1,
	SPINS = 2,
	NOT_RUN = 127
};

static char path[4096];

static void copy_this_program(mode_t mode)
{
	const char *directory = getenv("TMPDIR");
	int from = open("/proc/self/exe", O_RDONLY);
	struct stat status;
	int to;

	snprintf(path, sizeof(path), "%s/kaio-XXXXXX",
		 directory ? directory : "/var/tmp");
	to = mkstemp(path);
	ck_assert_int_ge(from, 0);
	ck_assert_int_ge(to, 0);
	ck_assert_ok(fstat(from, &status));
	while (sendfile(to, from, NULL, (size_t)status.st_size) > 0)
		;
	ck_assert_ok(fchmod(to, mode));
	ck_assert_ok(close(to));
	ck_assert_ok(close(from));
}

static int run_as_nobody(void)
{
	char *const argv[] = { path, (char *)(uintptr_t) "environment", NULL };
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 ||
		    setuid(NOBODY) < 0)
			_exit(NOT_RUN);
		execv(path, argv);
		_exit(NOT_RUN);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_RUN;
}

static int obeys(mode_t mode)
{
	int result;

	copy_this_program(mode);
	ck_assert_ok(setenv("KAIO_NO_RING", "1", 1));
	ck_assert_ok(setenv("KAIO_SPIN_NS", "50000", 1));
	result = run_as_nobody();
	ck_assert_ok(unlink(path));
	return result;
}

START_TEST(a_set_user_id_program_ignores_it)
{
	if (geteuid() != 0)
		SKIP("only root can make such a program");
	if (harness_is_under_valgrind())
		SKIP("valgrind does not run such a program");
	if (obeys(0755) != (NO_RING | SPINS))
		SKIP("nobody cannot run a copy of this program");
	ck_assert_int_eq(obeys(04755), 0);
}
END_TEST

START_TEST(no_ring_is_a_switch)
{
	static const struct {
		const char *value;
		bool ring;
	} cases[] = {
		{ "1", false }, { "yes", false }, { "00", false },
		{ "0", true },	{ "", true },
	};
	size_t i;

	ck_assert_ok(setenv("LD_PRELOAD", "", 1));
	for (i = 0; i < COUNT(cases); i++) {
		ck_assert_ok(setenv("KAIO_NO_RING", cases[i].value, 1));
		ck_assert_int_eq(environment_allows_ring(), cases[i].ring);
	}
	ck_assert_ok(unsetenv("KAIO_NO_RING"));
	ck_assert(environment_allows_ring());
	ck_assert_ok(setenv("LD_PRELOAD", "/a/vgpreload_memcheck.so", 1));
	ck_assert(!environment_allows_ring());
	ck_assert_ok(setenv("KAIO_NO_RING", "0", 1));
	ck_assert(environment_allows_ring());
}
END_TEST

START_TEST(spin_ns_is_a_decimal_number)
{
	static const struct {
		const char *value;
		uint32_t ns;
	} cases[] = {
		{ "1", 1 },	     { "50000", 50000 },
		{ "007", 7 },	     { "999999999", 999999999 },
		{ "", 0 },	     { "0", 0 },
		{ "-1", 0 },	     { "+1", 0 },
		{ " 1", 0 },	     { "1 ", 0 },
		{ "50us", 0 },	     { "0x10", 0 },
		{ "1000000000", 0 }, { "18446744073709551617", 0 },
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		ck_assert_ok(setenv("KAIO_SPIN_NS", cases[i].value, 1));
		ck_assert_uint_eq(environment_spin_ns(), cases[i].ns);
	}
	ck_assert_ok(unsetenv("KAIO_SPIN_NS"));
	ck_assert_uint_eq(environment_spin_ns(), 0);
}
END_TEST

Suite *suite_libaio_environment(void)
{
	const TTest *tests[] = {
		a_set_user_id_program_ignores_it,
		no_ring_is_a_switch,
		spin_ns_is_a_decimal_number,
	};

	return harness_suite("libaio-environment", tests, COUNT(tests));
}
