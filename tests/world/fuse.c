/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "fuse.h"

#include "fixture.h"
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELD 64
#define REQUEST_SIZE (256 * 1024)

char fuse_reason[256];
int fuse_fd = -1;

static pid_t server;
static int commands[2];	  /* to the server: hold or release */
static unsigned *nr_held; /* shared; atomic */

/* The server's. */
static int device;
static char *content;
static bool holds;
static struct fuse_in_header held[HELD];
static struct fuse_read_in held_reads[HELD];

static void reply(uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header header = { .len = (uint32_t)(sizeof(header) +
							    size),
					  .error = error,
					  .unique = unique };
	struct iovec iov[] = { { &header, sizeof(header) },
			       { (void *)(uintptr_t)data, size } };

	if (writev(device, iov, 2) < 0 && errno != ENOENT)
		_exit(1);
}

static struct fuse_attr attributes(void)
{
	return (struct fuse_attr){ .ino = FUSE_ROOT_ID,
				   .size = FUSE_SIZE,
				   .mode = S_IFREG | 0600,
				   .nlink = 1,
				   .blksize = 4096 };
}

static bool is_bad(uint64_t offset, uint32_t size)
{
	return offset < FUSE_BAD + FUSE_BAD_SIZE && offset + size > FUSE_BAD;
}

/* Reads and writes alike: the first members of both requests are the same. */
static void transfer(const struct fuse_in_header *in,
		     const struct fuse_read_in *read)
{
	struct fuse_write_out out = { .size = read->size };

	if (is_bad(read->offset, read->size))
		reply(in->unique, -EIO, NULL, 0);
	else if (in->opcode == FUSE_READ)
		reply(in->unique, 0, content + read->offset, read->size);
	else
		reply(in->unique, 0, &out, sizeof(out));
}

static void begin_transfer(const struct fuse_in_header *in,
			   const struct fuse_read_in *read)
{
	const struct fuse_write_in *write = (const void *)read;
	unsigned n = __atomic_load_n(nr_held, __ATOMIC_RELAXED);

	if (in->opcode == FUSE_WRITE && !is_bad(read->offset, read->size))
		memcpy(content + read->offset, write + 1, read->size);
	if (!holds) {
		transfer(in, read);
		return;
	}
	if (n == HELD)
		_exit(2);
	held[n] = *in;
	held_reads[n] = *read;
	__atomic_store_n(nr_held, n + 1, __ATOMIC_RELEASE);
}

static void answer(const struct fuse_in_header *in, const void *argument)
{
	const struct fuse_init_in *init_in = argument;
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
				      .minor = FUSE_KERNEL_MINOR_VERSION,
				      .max_readahead = 65536,
				      .flags = FUSE_ASYNC_READ | FUSE_ASYNC_DIO,
				      .max_background = HELD,
				      .congestion_threshold = HELD,
				      .max_write = 128 * 1024 };
	struct fuse_attr_out attr = { .attr = attributes() };
	struct fuse_open_out opened = { 0 };

	switch (in->opcode) {
	case FUSE_INIT:
		if (init_in->minor < init.minor)
			init.minor = init_in->minor;
		reply(in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_GETATTR:
		reply(in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		reply(in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
	case FUSE_WRITE:
		begin_transfer(in, argument);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_FSYNC:
		reply(in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(in->unique, -ENOSYS, NULL, 0);
	}
}

static void obey(void)
{
	unsigned n = __atomic_load_n(nr_held, __ATOMIC_RELAXED);
	unsigned i;
	char command;

	if (read(commands[0], &command, 1) != 1)
		_exit(0);
	holds = command == 'h';
	for (i = 0; !holds && i < n; i++)
		transfer(&held[i], &held_reads[i]);
	__atomic_store_n(nr_held, 0, __ATOMIC_RELEASE);
}

__attribute__((noreturn)) static void serve(void)
{
	static _Alignas(8) char request[REQUEST_SIZE];
	struct pollfd ready[] = { { device, POLLIN, 0 },
				  { commands[0], POLLIN, 0 } };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(commands[1]);
	content = fixture_buffer(FUSE_SIZE);
	fixture_fill(content, FUSE_SIZE, 0);
	while (poll(ready, 2, -1) > 0) {
		if (ready[1].revents)
			obey();
		if (ready[0].revents & POLLERR)
			_exit(0);
		if (ready[0].revents &&
		    read(device, request, sizeof(request)) > 0)
			answer((void *)request,
			       request + sizeof(struct fuse_in_header));
	}
	_exit(1);
}

static bool cannot(const char *what)
{
	snprintf(fuse_reason, sizeof(fuse_reason), "%s: %s", what,
		 strerror(errno));
	return false;
}

/* On a file, so that the server has one inode, the root, and no names. */
static bool mount_it(void)
{
	char options[64];
	int file;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0)
		return cannot("a mount namespace");
	file = open("/tmp/file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (file < 0)
		return cannot("/tmp/file");
	close(file);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=100000,user_id=0,group_id=0", device);
	return mount("kaio", "/tmp/file", "fuse", 0, options) == 0 ||
	       cannot("mounting FUSE");
}

bool fuse_serve(void)
{
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return cannot("/dev/fuse");
	if (!mount_it())
		return false;
	nr_held = mmap(NULL, sizeof(*nr_held), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(nr_held, MAP_FAILED);
	ck_assert_ok(pipe2(commands, O_CLOEXEC));
	server = fork();
	ck_assert_int_ge(server, 0);
	if (!server)
		serve();
	close(device);
	close(commands[0]);
	fuse_fd = open("/tmp/file", O_RDWR | O_DIRECT | O_CLOEXEC);
	return fuse_fd >= 0 || cannot("O_DIRECT on FUSE");
}

static void command(char what)
{
	ck_assert_int_eq(write(commands[1], &what, 1), 1);
}

void fuse_hold(void)
{
	command('h');
}

void fuse_wait_for_held(unsigned nr)
{
	while (__atomic_load_n(nr_held, __ATOMIC_ACQUIRE) < nr)
		sched_yield();
}

void fuse_release(void)
{
	command('r');
}

void fuse_detach(void)
{
	ck_assert_ok(kill(server, SIGKILL));
	ck_assert_int_eq(waitpid(server, NULL, 0), server);
}
