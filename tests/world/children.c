/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* fork, vfork, posix_spawn and exec, with operations in flight. */
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR 16
#define SIZE 65536

extern char **environ;

static char *const list_descriptors[] = { (char *)"ls", (char *)"-l",
					  (char *)"/proc/self/fd", NULL };

/* Reads of a disk, where there is O_DIRECT, and one poll. */
struct load {
	struct kaio_queue *queue;
	struct kaio_iocb iocbs[NR];
	char *buffer, *expected;
	int file;
	int event;
};

static struct load begin_load(uint32_t flags)
{
	const struct kaio_queue_params params = { .flags = flags,
						  .backlog = NR };
	struct load load = { 0 };

	load.file = fixture_file(O_RDONLY | O_DIRECT, (size_t)NR * SIZE);
	if (load.file < 0)
		load.file = fixture_file(O_RDONLY, (size_t)NR * SIZE);
	load.event = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(load.event, 0);
	load.buffer = fixture_buffer((size_t)NR * SIZE);
	load.expected = fixture_buffer((size_t)NR * SIZE);
	fixture_fill(load.expected, (size_t)NR * SIZE, 0);
	ck_assert_ok(kaio_queue_create(&load.queue, NR / 2, &params));
	return load;
}

static void start(struct load *load)
{
	unsigned i;

	kaio_prep_poll(&load->iocbs[0], load->event, POLLIN);
	memset(load->buffer, 0, (size_t)NR * SIZE);
	for (i = 1; i < NR; i++)
		kaio_prep_pread(&load->iocbs[i], load->file,
				load->buffer + (size_t)i * SIZE, SIZE,
				(int64_t)i * SIZE);
	fixture_push(load->queue, load->iocbs, NR);
	ck_assert_int_eq(kaio_queue_submit(load->queue), NR / 2);
}

/* Each once, the poll last. */
static void finish(struct load *load)
{
	struct kaio_event events[NR];
	uint64_t counter;
	unsigned seen = 0;
	int nr = 0;
	int ret, i;

	while (nr < NR) {
		if (nr == NR - 1)
			ck_assert_ok(eventfd_write(load->event, 1));
		ret = kaio_queue_wait(load->queue, events, 1, NR, KAIO_FOREVER);
		if (ret == -EINTR)
			continue;
		ck_assert_int_gt(ret, 0);
		for (i = 0; i < ret; i++, nr++) {
			long which = kaio_event_iocb(&events[i]) - load->iocbs;

			ck_assert(!(seen & 1u << which));
			seen |= 1u << which;
			if (which)
				ck_assert_int_eq(events[i].res, SIZE);
		}
	}
	ck_assert_uint_eq(seen, (1u << NR) - 1);
	ck_assert(memcmp(load->buffer + SIZE, load->expected + SIZE,
			 (size_t)(NR - 1) * SIZE) == 0);
	ck_assert_ok(eventfd_read(load->event, &counter));
	ck_assert_uint_eq(kaio_queue_inflight(load->queue), 0);
}

static void end_load(struct load *load)
{
	ck_assert_ok(kaio_queue_destroy(load->queue));
	munmap(load->buffer, (size_t)NR * SIZE);
	munmap(load->expected, (size_t)NR * SIZE);
	close(load->file);
	close(load->event);
}

static void ck_assert_exits(pid_t child, int code)
{
	int status;

	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), code);
}

/* The child uses the parent's, and then a queue of its own. */
static int use_in_child(struct load *load)
{
	struct kaio_event event;
	struct kaio_queue *own;
	struct kaio_iocb iocb;

	if (kaio_queue_submit(load->queue) != -ECHILD ||
	    kaio_queue_wait(load->queue, &event, 1, 1, KAIO_FOREVER) !=
		    -ECHILD ||
	    kaio_queue_destroy(load->queue) != -ECHILD ||
	    kaio_queue_create(&own, 1, NULL) != 0)
		return 1;
	kaio_prep_pread(&iocb, load->file, load->buffer, SIZE, 0);
	return !(kaio_queue_push(own, &iocb) == 0 &&
		 kaio_queue_wait(own, &event, 1, 1, KAIO_FOREVER) == 1 &&
		 event.res == SIZE && kaio_queue_destroy(own) == 0);
}

static const uint32_t all_flags[] = {
	0,
	KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD,
};

static void fork_in(struct load *load, unsigned round)
{
	pid_t child;

	start(load);
	child = fork();
	if (!child)
		_exit(use_in_child(load));
	if (round % 2)
		ck_assert_exits(child, 0);
	finish(load);
	if (round % 2 == 0)
		ck_assert_exits(child, 0);
}

/* Which must not touch anything, as it has the parent's memory. */
static void vfork_in(struct load *load, unsigned round)
{
	pid_t child;

	start(load);
	child = vfork();
	if (!child && round % 2)
		execlp("true", "true", (char *)NULL);
	if (!child)
		_exit(0);
	finish(load);
	ck_assert_exits(child, 0);
}

static void has_no_eventfd(int fd)
{
	char text[65536];
	size_t size = 0;
	ssize_t ret;

	while ((ret = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)ret;
	text[size] = 0;
	ck_assert_ptr_nonnull(strstr(text, " 0 -> "));
	ck_assert_ptr_null(strstr(text, "eventfd"));
	close(fd);
}

static void spawn_in(struct load *load, unsigned round)
{
	posix_spawn_file_actions_t actions;
	int ends[2];
	pid_t child;

	(void)round;
	ck_assert_ok(pipe2(ends, O_CLOEXEC));
	ck_assert_ok(posix_spawn_file_actions_init(&actions));
	ck_assert_ok(posix_spawn_file_actions_adddup2(&actions, ends[1], 1));
	start(load);
	ck_assert_ok(posix_spawnp(&child, "ls", &actions, NULL,
				  list_descriptors, environ));
	close(ends[1]);
	has_no_eventfd(ends[0]);
	finish(load);
	ck_assert_exits(child, 0);
	posix_spawn_file_actions_destroy(&actions);
}

/* The one that execs has the operations in flight. */
static void exec_in(struct load *load, unsigned round)
{
	const uint32_t flags = all_flags[round % COUNT(all_flags)];
	int ends[2];
	pid_t child;

	start(load);
	ck_assert_ok(pipe2(ends, O_CLOEXEC));
	child = fork();
	if (!child) {
		struct load own = begin_load(flags);

		start(&own);
		dup2(ends[1], 1);
		execvp("ls", list_descriptors);
		_exit(1);
	}
	close(ends[1]);
	has_no_eventfd(ends[0]);
	ck_assert_exits(child, 0);
	finish(load);
}

static void in_all_queues(void (*make_child)(struct load *load, unsigned round))
{
	unsigned rounds = world_rounds(3);
	unsigned round;
	unsigned i;

	for (i = 0; i < COUNT(all_flags); i++) {
		struct load load = begin_load(all_flags[i]);

		for (round = 0; round < rounds; round++)
			make_child(&load, round);
		end_load(&load);
	}
}

START_TEST(a_child_of_fork_has_queues_of_its_own_and_the_parent_goes_on)
{
	in_all_queues(fork_in);
}
END_TEST

START_TEST(a_child_of_vfork_takes_nothing_from_the_parent)
{
	in_all_queues(vfork_in);
}
END_TEST

START_TEST(a_spawned_program_has_none_of_the_queues_descriptors)
{
	in_all_queues(spawn_in);
}
END_TEST

START_TEST(exec_with_operations_in_flight_leaves_nothing_to_the_program)
{
	in_all_queues(exec_in);
}
END_TEST

Suite *suite_world_children(void)
{
	const TTest *tests[] = {
		a_child_of_fork_has_queues_of_its_own_and_the_parent_goes_on,
		a_child_of_vfork_takes_nothing_from_the_parent,
		a_spawned_program_has_none_of_the_queues_descriptors,
		exec_with_operations_in_flight_leaves_nothing_to_the_program,
	};

	return harness_both_ways("world: children", tests, COUNT(tests));
}
