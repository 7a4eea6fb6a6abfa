/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* Creating a queue where the process may have no more. */
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint32_t all_flags[] = {
	0,
	KAIO_QUEUE_NO_RING,
	KAIO_QUEUE_WAKE,
	KAIO_QUEUE_SHARED,
	KAIO_QUEUE_EVENTFD,
	KAIO_QUEUE_SHARED | KAIO_QUEUE_WAKE | KAIO_QUEUE_EVENTFD,
};

struct holdings {
	unsigned descriptors;
	unsigned mappings;
	unsigned contexts;
	long allocated;
};

static unsigned lines(const char *text)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[4096];
	unsigned nr = 0;

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps))
		nr += strstr(line, text) != NULL;
	fclose(maps);
	return nr;
}

static struct holdings holdings(void)
{
	struct holdings now = { .allocated = faults_allocated };
	struct stat status;
	int fd;

	for (fd = 0; fd < 256; fd++)
		now.descriptors += fstat(fd, &status) == 0;
	now.mappings = lines("");
	now.contexts = lines("[aio]");
	return now;
}

static void ck_assert_same(const struct holdings *before)
{
	struct holdings now = holdings();

	ck_assert_uint_eq(now.descriptors, before->descriptors);
	ck_assert_uint_eq(now.mappings, before->mappings);
	ck_assert_uint_eq(now.contexts, before->contexts);
	ck_assert_int_eq(now.allocated, before->allocated);
}

static int create(uint32_t flags, unsigned depth, struct kaio_queue **queue)
{
	const struct kaio_queue_params params = { .flags = flags };

	return kaio_queue_create(queue, depth, &params);
}

static void use(struct kaio_queue *queue)
{
	struct kaio_event event;
	struct kaio_iocb iocb;

	fixture_good(&iocb);
	ck_assert_ok(kaio_queue_push(queue, &iocb));
	ck_assert_int_eq(kaio_queue_wait(queue, &event, 1, 1, KAIO_FOREVER), 1);
	ck_assert_int_eq(event.res, 1);
}

/* 0 to 2 descriptors are left, and each flag needs one. */
START_TEST(without_descriptors_create_is_emfile_and_nothing_leaks)
{
	struct holdings before;
	struct kaio_queue *queue;
	unsigned i;
	int left;

	close(0);
	close(1);
	before = holdings();
	for (left = 0; left <= 2; left++) {
		int kept[2] = { dup(2), dup(2) };
		const struct rlimit limit = { 2, 1024 };
		const struct rlimit enough = { 1024, 1024 };

		ck_assert_int_eq(kept[0] | kept[1], 0 | 1);
		for (i = 0; i < COUNT(all_flags); i++) {
			uint32_t flags = all_flags[i];
			int needs = !!(flags & KAIO_QUEUE_EVENTFD) +
				    !!(flags &
				       (KAIO_QUEUE_WAKE | KAIO_QUEUE_SHARED));
			int fd, ret;

			for (fd = 0; fd < left; fd++)
				close(kept[fd]);
			ck_assert_ok(setrlimit(RLIMIT_NOFILE, &limit));
			ret = create(flags, 4, &queue);
			ck_assert_ok(setrlimit(RLIMIT_NOFILE, &enough));
			ck_assert_int_eq(ret, needs > left ? -EMFILE : 0);
			if (ret == 0)
				ck_assert_ok(kaio_queue_destroy(queue));
			for (fd = 0; fd < left; fd++)
				ck_assert_int_ge(dup(2), 0);
		}
		close(0);
		close(1);
		ck_assert_same(&before);
	}
}
END_TEST

static unsigned long mapped_bytes(void)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	ck_assert_ptr_nonnull(statm);
	ck_assert_int_eq(fscanf(statm, "%lu", &pages), 1);
	fclose(statm);
	return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

/*
 * In steps of a page from nothing to what it needs: the queue's memory does not
 * fit, then the ring's does not.
 */
START_TEST(without_address_space_create_is_enomem_and_nothing_leaks)
{
	unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
	struct rlimit limit, unlimited;
	struct holdings before;
	struct kaio_queue *queue;
	unsigned refused = 0;
	unsigned i;
	int ret;

	if (getenv("ASAN_OPTIONS") || harness_is_under_valgrind() ||
	    mapped_bytes() >> 20 > 1ul << 20)
		SKIP("the address space is not the program's");
	ck_assert_ok(getrlimit(RLIMIT_AS, &unlimited));
	ck_assert_ok(create(all_flags[5], 512, &queue));
	ck_assert_ok(kaio_queue_destroy(queue));
	for (i = 0; i < COUNT(all_flags); i++) {
		unsigned long room = 0;

		before = holdings();
		do {
			limit = unlimited;
			limit.rlim_cur = mapped_bytes() + room;
			ck_assert_ok(setrlimit(RLIMIT_AS, &limit));
			ret = create(all_flags[i], 512, &queue);
			ck_assert_ok(setrlimit(RLIMIT_AS, &unlimited));
			if (ret == 0)
				break;
			ck_assert_int_eq(ret, -ENOMEM);
			ck_assert_same(&before);
			refused++;
			room += page;
		} while (room < 1000 * page);
		ck_assert_ok(ret);
		use(queue);
		ck_assert_ok(kaio_queue_destroy(queue));
	}
	ck_assert_uint_gt(refused, 2 * COUNT(all_flags));
}
END_TEST

START_TEST(rlimit_memlock_does_not_count_the_ring)
{
	const struct rlimit none = { 0, 0 };
	struct kaio_queue *queue;

	ck_assert_ok(setrlimit(RLIMIT_MEMLOCK, &none));
	/* Root may exceed it. */
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
		SKIP("no other user: %s", strerror(errno));
	ck_assert_ok(create(KAIO_QUEUE_SHARED, 4096, &queue));
	use(queue);
	ck_assert_ok(kaio_queue_destroy(queue));
}
END_TEST

Suite *suite_world_limits(void)
{
	const TTest *tests[] = {
		without_descriptors_create_is_emfile_and_nothing_leaks,
		without_address_space_create_is_enomem_and_nothing_leaks,
		rlimit_memlock_does_not_count_the_ring,
	};

	return harness_suite("world: limits", tests, COUNT(tests));
}
