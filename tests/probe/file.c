/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The probe layer: a file's alignment and whether it is asynchronous. */
#include "alignment.h"
#include "faults.h"
#include "fixture.h"
#include "harness.h"
#include "suites.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 262144
#define LIKE_A_DISK "the directory's file system does not take O_DIRECT"

static struct kaio_file_info info_of(int fd)
{
	struct kaio_file_info info;
	size_t i;

	memset(&info, 0xff, sizeof(info));
	ck_assert_ok(kaio_get_file_info(fd, &info));
	for (i = 0; i < COUNT(info.reserved); i++)
		ck_assert_uint_eq(info.reserved[i], 0);
	return info;
}

static void is_not_direct(int fd, enum kaio_file_kind kind)
{
	const struct kaio_file_info info = info_of(fd);

	ck_assert_uint_eq(info.kind, kind);
	ck_assert_uint_eq(info.flags, 0);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_NONE);
	ck_assert_uint_eq(info.mem_align, 1);
	ck_assert_uint_eq(info.offset_align, 1);
	ck_assert_uint_eq(info.read_align, 1);
	ck_assert_uint_eq(info.size, 0);
}

START_TEST(what_is_no_disk_is_never_asynchronous)
{
	int pair[2];

	ck_assert_ok(pipe2(pair, 0));
	is_not_direct(pair[0], KAIO_FILE_PIPE);
	/* For a pipe, O_DIRECT means packet mode. */
	ck_assert_ok(pipe2(pair, O_DIRECT));
	is_not_direct(pair[1], KAIO_FILE_PIPE);
	ck_assert_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	is_not_direct(pair[0], KAIO_FILE_SOCKET);
	is_not_direct(open("/dev/null", O_RDWR), KAIO_FILE_CHAR);
	is_not_direct(open(".", O_RDONLY | O_DIRECTORY), KAIO_FILE_DIRECTORY);
	is_not_direct(eventfd(0, 0), KAIO_FILE_OTHER);
	is_not_direct(memfd_create("test", 0), KAIO_FILE_REGULAR);
}
END_TEST

START_TEST(a_file_of_huge_pages_is_not_direct)
{
	int fd = memfd_create("test", MFD_HUGETLB);

	if (fd < 0)
		SKIP("there are no huge pages: %s", strerror(errno));
	is_not_direct(fd, KAIO_FILE_REGULAR);
}
END_TEST

START_TEST(a_file_in_memory_is_not_made_direct_by_o_direct)
{
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_DIRECT, 0600);

	if (fd < 0)
		SKIP("/dev/shm does not take O_DIRECT, as before Linux 6.6");
	ck_assert_ok(ftruncate(fd, 8192));
	ck_assert_uint_eq(info_of(fd).flags, KAIO_FILE_DIRECT);
	ck_assert_uint_eq(info_of(fd).size, 8192);
}
END_TEST

START_TEST(a_buffered_file_is_not_asynchronous_until_it_is_direct)
{
	int fd = fixture_file(O_RDWR, SIZE);
	struct kaio_file_info before = info_of(fd);
	struct kaio_file_info after;

	ck_assert_uint_eq(before.kind, KAIO_FILE_REGULAR);
	ck_assert_uint_eq(before.size, SIZE);
	ck_assert_uint_eq(before.flags & ~(unsigned)KAIO_FILE_CAN_DIRECT, 0);
	if (fcntl(fd, F_SETFL, O_DIRECT) < 0)
		SKIP(LIKE_A_DISK);
	after = info_of(fd);
	ck_assert_uint_eq(after.flags,
			  before.flags | KAIO_FILE_DIRECT |
				  (before.flags ? KAIO_FILE_ASYNC : 0));
	after.flags = before.flags;
	ck_assert_mem_eq(&after, &before, sizeof(after));
}
END_TEST

START_TEST(the_alignment_told_is_the_kernels_and_accepted)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, SIZE);
	struct kaio_file_info info;

	if (fd < 0)
		SKIP(LIKE_A_DISK);
	info = info_of(fd);
	alignment_is_the_kernels(fd, &info);
	alignment_is_accepted(fd, &info);
}
END_TEST

START_TEST(without_statx_the_alignment_is_the_devices_or_a_guess)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, SIZE);
	struct kaio_file_info told;
	struct kaio_file_info info;

	if (fd < 0 || !(info_of(fd).flags & KAIO_FILE_CAN_DIRECT))
		SKIP(LIKE_A_DISK);
	told = info_of(fd);
	faults_fail(SYS_statx, ENOSYS, 1);
	errno = 4711;
	info = info_of(fd);
	ck_assert_int_eq(errno, 4711);
	ck_assert_uint_ge(info.align_source, KAIO_ALIGN_DEVICE);
	ck_assert_uint_ge(info.mem_align, told.mem_align);
	ck_assert_uint_ge(info.offset_align, told.offset_align);
	ck_assert_uint_eq(info.flags, KAIO_FILE_DIRECT | KAIO_FILE_CAN_DIRECT |
					      KAIO_FILE_ASYNC);
	alignment_is_accepted(fd, &info);
}
END_TEST

/* Words of struct statx: the mask, the attributes, and the alignments. */
enum {
	MASK = 0,
	ATTRIBUTES = 8 / 4,
	MEMORY = 0x98 / 4,
	OFFSET,
	READ = 0xb4 / 4
};

static void tell_alignments(uint32_t *words)
{
	words[MASK] |= 0x22000;
	words[MEMORY] = 4;
	words[OFFSET] = 4096;
	words[READ] = 512;
}

static void tell_no_read_alignment(uint32_t *words)
{
	tell_alignments(words);
	words[MASK] &= ~0x20000u;
}

static void tell_read_alignment_0(uint32_t *words)
{
	tell_alignments(words);
	words[READ] = 0;
}

static void tell_no_direct_io(uint32_t *words)
{
	tell_alignments(words);
	words[MEMORY] = words[OFFSET] = 0;
}

static void tell_dax(uint32_t *words)
{
	const uint64_t dax = 0x200000;

	tell_alignments(words);
	words[ATTRIBUTES + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)] |=
		(uint32_t)dax;
}

static struct kaio_file_info info_with(int fd, void (*edit)(uint32_t *words))
{
	struct kaio_file_info info;

	faults_edit_statx(edit);
	info = info_of(fd);
	faults_edit_statx(NULL);
	return info;
}

START_TEST(what_statx_says_of_alignments_is_passed_on)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, SIZE);
	struct kaio_file_info info;

	if (fd < 0)
		SKIP(LIKE_A_DISK);
	info = info_with(fd, tell_alignments);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_FILE);
	ck_assert_uint_eq(info.mem_align, 4);
	ck_assert_uint_eq(info.offset_align, 4096);
	ck_assert_uint_eq(info.read_align, 512);
	info = info_with(fd, tell_no_read_alignment);
	ck_assert_uint_eq(info.offset_align, 4096);
	ck_assert_uint_eq(info.read_align, 4096);
	info = info_with(fd, tell_read_alignment_0);
	ck_assert_uint_eq(info.read_align, 4096);
	info = info_with(fd, tell_no_direct_io);
	ck_assert_uint_eq(info.align_source, KAIO_ALIGN_NONE);
	ck_assert_uint_eq(info.flags, KAIO_FILE_DIRECT);
	ck_assert_uint_eq(info.offset_align, 1);
}
END_TEST

START_TEST(a_file_in_dax_memory_is_direct_and_not_asynchronous)
{
	int fd = fixture_file(O_RDWR | O_DIRECT, SIZE);

	if (fd < 0)
		SKIP(LIKE_A_DISK);
	ck_assert_uint_eq(info_with(fd, tell_dax).flags,
			  KAIO_FILE_DIRECT | KAIO_FILE_CAN_DIRECT);
}
END_TEST

START_TEST(neither_flags_nor_position_nor_locks_are_changed)
{
	int fd = fixture_file(O_RDWR, SIZE);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int flags = fcntl(fd, F_GETFL);
	int status;
	pid_t child;

	ck_assert_int_eq(lseek(fd, 4711, SEEK_SET), 4711);
	ck_assert_ok(fcntl(fd, F_SETLK, &lock));
	info_of(fd);
	ck_assert_int_eq(fcntl(fd, F_GETFL), flags);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 4711);
	/* Only another process sees the lock. */
	child = fork();
	if (child == 0)
		_exit(fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
}
END_TEST

START_TEST(what_is_no_open_file_is_refused)
{
	struct kaio_file_info info = { .size = 4711 };

	errno = 4711;
	ck_assert_int_eq(kaio_get_file_info(-1, &info), -EBADF);
	ck_assert_int_eq(kaio_get_file_info(1000000, &info), -EBADF);
	ck_assert_int_eq(kaio_get_file_info(0, NULL), -EINVAL);
	ck_assert_int_eq(errno, 4711);
	ck_assert_int_eq(kaio_get_file_info(open(".", O_PATH), &info), -EBADF);
	ck_assert_uint_eq(info.size, 4711);
}
END_TEST

Suite *suite_probe_file(void)
{
	const TTest *tests[] = {
		what_is_no_disk_is_never_asynchronous,
		a_file_of_huge_pages_is_not_direct,
		a_file_in_memory_is_not_made_direct_by_o_direct,
		a_buffered_file_is_not_asynchronous_until_it_is_direct,
		the_alignment_told_is_the_kernels_and_accepted,
		without_statx_the_alignment_is_the_devices_or_a_guess,
		what_statx_says_of_alignments_is_passed_on,
		a_file_in_dax_memory_is_direct_and_not_asynchronous,
		neither_flags_nor_position_nor_locks_are_changed,
		what_is_no_open_file_is_refused,
	};

	return harness_suite("file", tests, COUNT(tests));
}
