/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What of the fixture needs no queue. */
#include "fixture.h"

#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

void *fixture_buffer(size_t size)
{
	void *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(buffer, MAP_FAILED);
	return buffer;
}

void fixture_fill(void *buffer, size_t size, uint64_t offset)
{
	uint64_t *words = buffer;
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++)
		words[i] = offset + i * sizeof(*words);
}

void fixture_check(const void *buffer, size_t size, uint64_t offset)
{
	const uint64_t *words = buffer;
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++)
		ck_assert_uint_eq(words[i], offset + i * sizeof(*words));
}

int fixture_file(int flags, size_t size)
{
	const char *directory = getenv("TMPDIR");
	char path[4096];
	void *content;
	int writer;
	int fd;

	snprintf(path, sizeof(path), "%s/kaio-XXXXXX",
		 directory ? directory : ".");
	writer = mkstemp(path);
	ck_assert_int_ge(writer, 0);
	content = fixture_buffer(size);
	fixture_fill(content, size, 0);
	ck_assert_int_eq(write(writer, content, size), (ssize_t)size);
	ck_assert_ok(fsync(writer));
	munmap(content, size);
	close(writer);
	fd = open(path, flags | O_CLOEXEC);
	unlink(path);
	ck_assert(fd >= 0 || flags & O_DIRECT);
	return fd;
}

static void on_signal(int number)
{
	(void)number;
}

void fixture_signals(void)
{
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };

	ck_assert_ok(sigaction(SIGALRM, &action, NULL));
	ck_assert_ok(setitimer(ITIMER_REAL, &often, NULL));
}

void fixture_no_signals(void)
{
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };

	ck_assert_ok(setitimer(ITIMER_REAL, &never, NULL));
}
