/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The ring's functions and the drop-in's reader, on a ring whose header changes
 * at any moment to anything: nothing outside the mapping is read, which ends in
 * front of a page that cannot be, and everything ends.
 */
#define SEAM_ITSELF
#include "hostile.h"

#include <kaio/ring.h>

#undef __atomic_load_n
#undef memcpy

#include "libaio/collect.h"
#include "libaio/registry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>

#define PAGE 4096
#define PAGES 2
#define NR ((unsigned)(PAGES * PAGE / sizeof(struct kaio_event) - 1))
#define EVENTS_MAX 300

/* More is a loop without end: one input has some hundred loads. */
#define CHANGES_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct kaio_ring_header *ring;
static const uint8_t *input, *input_end;
static unsigned changes;
static bool changes_allowed;

static _Noreturn void fail(const char *why)
{
	fprintf(stderr, "fuzz: %s\n", why);
	abort();
}

static unsigned byte(void)
{
	return input < input_end ? *input++ : 0;
}

/* Around the ring's size, at its ends, and anywhere. */
static uint32_t number(void)
{
	static const uint32_t numbers[] = { 0,		1,	    2,
					    NR - 1,	NR,	    NR + 1,
					    64,		2 * NR,	    0x7fffffff,
					    0x80000000, 0xffffffff, 1u << 24 };
	unsigned how = byte();

	if (how < sizeof(numbers) / sizeof(*numbers))
		return numbers[how];
	return how < 128 ? how : how << (how & 31);
}

static void change(void)
{
	uint32_t *words = &ring->id;
	unsigned which = byte();

	if (which & 16)
		words[which & 7] = number();
	else if (which & 8)
		ring->tail = byte();
	else if (which & 4)
		ring->head = byte();
}

void hostile_change(void)
{
	if (++changes > CHANGES_MAX)
		fail("a loop without end");
	if (changes_allowed && input < input_end && byte() & 1)
		change();
}

static void make_ring(void)
{
	char *memory = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED ||
	    mprotect(memory + PAGE, PAGES * PAGE, PROT_READ | PROT_WRITE))
		fail("no memory");
	ring = (struct kaio_ring_header *)(memory + PAGE);
}

static void reset(void)
{
	*ring = (struct kaio_ring_header){ .nr = NR,
					   .id = 1,
					   .magic = KAIO_RING_MAGIC,
					   .compat_features = 1,
					   .header_length = sizeof(*ring) };
}

/* What the kernel says; it has nothing to collect. */
long seam_syscall(long number, ...)
{
	va_list arguments;
	long min;

	if (++changes > CHANGES_MAX)
		fail("a loop without end");
	va_start(arguments, number);
	va_arg(arguments, unsigned long);
	min = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_io_submit)
		return 0;
	if (number != SYS_io_getevents && number != SYS_io_pgetevents)
		fail("another system call");
	errno = min < 0 ? EINVAL : EINTR;
	return min ? -1 : 0;
}

int seam_madvise(void *start, size_t size, int advice)
{
	(void)start, (void)size, (void)advice;
	return 0;
}

char *seam_secure_getenv(const char *name)
{
	(void)name;
	return NULL;
}

int seam_clock_gettime(clockid_t clock, struct timespec *time)
{
	static int64_t ns;

	(void)clock;
	ns += 100;
	time->tv_sec = ns / 1000000000;
	time->tv_nsec = ns % 1000000000;
	hostile_change();
	return 0;
}

static struct kaio_event events[EVENTS_MAX + 1];

static void check_reaped(int ret, unsigned max)
{
	if (ret > (int)max)
		fail("more than there is room for");
	if (events[max].res2 != 4711)
		fail("writes behind the room");
}

static void use_ring(struct kaio_ring *attached, unsigned what)
{
	const struct kaio_event *run;
	unsigned max = byte();
	int64_t sum = 0;
	unsigned nr;

	switch (what) {
	case 0:
		if (kaio_ring_ready(attached) >= NR)
			fail("more than the ring has");
		break;
	case 1:
		run = kaio_ring_peek(attached, &nr);
		for (; run && nr; nr--)
			sum += run++->res;
		((volatile struct kaio_event *)events)->res = sum;
		break;
	case 2:
		kaio_ring_advance(attached, max % 4);
		break;
	default:
		events[max].res2 = 4711;
		check_reaped(kaio_ring_reap(attached, events, max), max);
	}
}

/* io_getevents() of the drop-in. */
static void use_reader(void)
{
	const int64_t timeouts[] = { 0, 0, FOREVER, 1000 };
	unsigned how = byte();
	unsigned max = byte();
	long min = how & 4 ? byte() : 0;
	struct context *known = kaio_registry_find((kaio_context_t)ring);

	if (known)
		known->spin_ns = how & 8 ? 500 : 0;
	events[max].res2 = 4711;
	check_reaped(kaio_collect((kaio_context_t)ring, min, (long)max, events,
				  timeouts[how & 3], NULL),
		     max);
}

/* A size that the mapping does not have is the kernel's word: see ring.h. */
static bool attach(struct kaio_ring *attached)
{
	int ret = kaio_ring_attach(attached, (kaio_context_t)ring);

	if (ret != 0 && ret != -ENOTSUP)
		fail("what attach returns");
	return ret == 0 && attached->nr <= NR;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kaio_ring attached;
	bool is_attached;
	unsigned what;

	if (!ring)
		make_ring();
	reset();
	input = data;
	input_end = data + size;
	changes = 0;
	changes_allowed = false;
	kaio_registry_add((kaio_context_t)ring);
	changes_allowed = true;
	is_attached = attach(&attached);
	while (input < input_end) {
		what = byte() % 8;
		if (what < 4 && is_attached)
			use_ring(&attached, what);
		else if (what < 6)
			use_reader();
		else if (what == 6)
			change();
		else
			reset();
	}
	changes_allowed = false;
	kaio_registry_remove((kaio_context_t)ring);
	return 0;
}
