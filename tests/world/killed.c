/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* SIGKILL under a load of durable writes: what was reported is there. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH 8
#define RECORD 4096

static void fill(char *record, uint64_t number)
{
	uint64_t *words = (uint64_t *)record;
	unsigned i;

	for (i = 0; i < RECORD / sizeof(*words); i++)
		words[i] = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) + i;
}

static bool is_whole(int fd, uint64_t number)
{
	static char expected[RECORD];
	static char *found;

	if (!found)
		found = fixture_buffer(RECORD);
	fill(expected, number);
	return pread(fd, found, RECORD, (off_t)number * RECORD) == RECORD &&
	       memcmp(found, expected, RECORD) == 0;
}

/* One record after the other; each number to the pipe once it is durable. */
static void write_records(int fd, int pipe)
{
	struct kaio_queue *queue = fixture_queue(DEPTH, 0);
	char *buffers = fixture_buffer((size_t)DEPTH * RECORD);
	struct kaio_event events[DEPTH];
	struct kaio_iocb iocbs[DEPTH];
	uint64_t next = 0;
	int nr = DEPTH;
	int i;

	for (i = 0; i < DEPTH; i++)
		events[i].obj = (uintptr_t)&iocbs[i];
	for (;;) {
		for (i = 0; i < nr; i++, next++) {
			struct kaio_iocb *iocb = kaio_event_iocb(&events[i]);
			char *record = buffers + (iocb - iocbs) * RECORD;

			fill(record, next);
			kaio_prep_pwrite(iocb, fd, record, RECORD,
					 (int64_t)next * RECORD);
			kaio_iocb_set_rw_flags(iocb, KAIO_RWF_DSYNC);
			kaio_iocb_set_data64(iocb, next);
			if (kaio_queue_push(queue, iocb) < 0)
				_exit(1);
		}
		nr = kaio_queue_wait(queue, events, 1, DEPTH, KAIO_FOREVER);
		for (i = 0; i < nr; i++)
			if (events[i].res != RECORD ||
			    write(pipe, &events[i].data,
				  sizeof(events[i].data)) < 0)
				_exit(1);
	}
}

/* After how many reports: as the seed has it. */
static void kill_a_writer(int flags, unsigned reports)
{
	int fd = fixture_file(O_RDWR | flags, RECORD);
	uint64_t *numbers = calloc(reports + 65536, sizeof(*numbers));
	int ends[2];
	unsigned nr = 0;
	pid_t child;
	int status;
	unsigned i;

	ck_assert_ok(pipe2(ends, O_CLOEXEC));
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child)
		write_records(fd, ends[1]);
	close(ends[1]);
	while (read(ends[0], &numbers[nr], sizeof(*numbers)) ==
	       sizeof(*numbers)) {
		if (++nr == reports)
			ck_assert_ok(kill(child, SIGKILL));
		ck_assert_uint_lt(nr, reports + 65536);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_uint_ge(nr, reports);
	for (i = 0; i < nr; i++)
		ck_assert(is_whole(fd, numbers[i]));
	close(ends[0]);
	close(fd);
	free(numbers);
}

START_TEST(every_record_that_was_reported_durable_is_there_and_whole)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, RECORD);
	unsigned rounds = world_rounds(4);
	unsigned seed = 1;
	unsigned round;

	for (round = 0; round < rounds; round++)
		kill_a_writer(fd >= 0 && round % 2 ? O_DIRECT : 0,
			      1 + (unsigned)rand_r(&seed) % 100);
}
END_TEST

Suite *suite_world_killed(void)
{
	const TTest *tests[] = {
		every_record_that_was_reported_durable_is_there_and_whole,
	};

	return harness_both_ways("world: killed", tests, COUNT(tests));
}
