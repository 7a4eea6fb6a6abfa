/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * 512-byte writes to /dev/null for instructions.sh to count the instructions
 * of: depth of them in flight, collected batch at a time, and each prepared
 * and handed over again; so many times.
 *
 *     tests/bench/instructions ENGINE DEPTH BATCH TIMES
 *
 * raw is what a careful program does without a library: one array of pointers
 * to the kernel, partial counts minded, completions taken out of the ring, and
 * io_getevents called if there are too few. raw-in-place is the floor below it:
 * it does nothing about what need not happen here, and copies nothing. libaio
 * is the file that LIBAIO names, lest it be the drop-in of this build.
 * kaio-shared is kaio with a queue that any thread may use, its lock included.
 * push-again and post-again do not prepare operations again, and have batch in
 * flight; push and post are the part of them that hands these over.
 *
 * Exits 77 where the engine is not there.
 */
#include <kaio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE 512
#define DEPTH_MAX 1024

static char buffer[SIZE];
static int fd;
static unsigned depth, batch;
static unsigned long times;

__attribute__((cold, noreturn)) static void die(const char *what, int error)
{
	fprintf(stderr, "instructions: %s: %s\n", what, strerror(error));
	exit(1);
}

static int check(int ret, const char *what)
{
	if (ret < 0)
		die(what, -ret);
	return ret;
}

static void check_result(int64_t res)
{
	if (res != SIZE)
		die("a write", res < 0 ? (int)-res : EIO);
}

/* By hand */

struct ring {
	unsigned id, nr, head, tail;
	unsigned magic, compat, incompat, header_length;
	struct io_event events[];
};

struct raw {
	aio_context_t ctx;
	struct ring *ring;
	unsigned nr;
	struct iocb *batch[DEPTH_MAX];
};

static inline void raw_write(struct raw *raw, struct iocb *iocb)
{
	memset(iocb, 0, sizeof(*iocb));
	iocb->aio_lio_opcode = IOCB_CMD_PWRITE;
	iocb->aio_fildes = (unsigned)fd;
	iocb->aio_buf = (uintptr_t)buffer;
	iocb->aio_nbytes = SIZE;
	raw->batch[raw->nr++] = iocb;
}

/* What does not go in stays for the next time. */
static void raw_submit(struct raw *raw)
{
	unsigned done = 0;

	while (done < raw->nr) {
		long ret = syscall(SYS_io_submit, raw->ctx, raw->nr - done,
				   raw->batch + done);

		if (ret < 0 && errno != EAGAIN && errno != EINTR)
			die("io_submit", errno);
		if (ret <= 0)
			break;
		done += (unsigned)ret;
	}
	raw->nr -= done;
	if (raw->nr)
		memmove(raw->batch, raw->batch + done,
			raw->nr * sizeof(*raw->batch));
}

static void raw_completed(struct raw *raw, const struct io_event *event)
{
	check_result(event->res);
	raw_write(raw, (struct iocb *)(uintptr_t)event->obj);
}

/* As io_getevents, which it calls for those that are not in the ring. */
__attribute__((noinline)) static unsigned raw_getevents(struct raw *raw,
							unsigned min,
							unsigned max,
							struct io_event *events)
{
	struct ring *ring = raw->ring;
	unsigned head = __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
	unsigned tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	unsigned n = 0;
	long ret;

	while (n < max && head != tail) {
		events[n++] = ring->events[head];
		head = head + 1 == ring->nr ? 0 : head + 1;
	}
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
	if (n >= min)
		return n;
	ret = syscall(SYS_io_getevents, raw->ctx, min - n, max - n, events + n,
		      NULL);
	if (ret < 0 && errno != EINTR)
		die("io_getevents", errno);
	return ret < 0 ? n : n + (unsigned)ret;
}

static void raw_collect(struct raw *raw)
{
	struct io_event events[DEPTH_MAX];
	unsigned nr = raw_getevents(raw, batch, batch, events);
	unsigned i;

	for (i = 0; i < nr; i++)
		raw_completed(raw, &events[i]);
}

/* What is least of all, for a program that need not wait. */
static void raw_collect_in_place(struct raw *raw)
{
	struct ring *ring = raw->ring;
	unsigned head = __atomic_load_n(&ring->head, __ATOMIC_RELAXED);
	unsigned tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	unsigned ready = tail >= head ? tail - head : ring->nr - head + tail;
	unsigned i;

	if (ready < batch)
		die("the ring", ENODATA);
	for (i = 0; i < batch; i++) {
		raw_completed(raw, &ring->events[head]);
		if (++head == ring->nr)
			head = 0;
	}
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
}

static void raw_begin(struct raw *raw, struct iocb *iocbs)
{
	unsigned i;

	if (syscall(SYS_io_setup, depth, &raw->ctx) < 0)
		die("io_setup", errno);
	raw->ring = (struct ring *)raw->ctx;
	if (raw->ring->magic != 0xa10a10a1 || raw->ring->incompat)
		die("the ring", ENOTSUP);
	for (i = 0; i < depth; i++)
		raw_write(raw, &iocbs[i]);
}

static void by_hand(void)
{
	struct raw raw = { 0 };
	struct iocb iocbs[DEPTH_MAX];

	raw_begin(&raw, iocbs);
	while (times--) {
		raw_submit(&raw);
		raw_collect(&raw);
	}
}

static void by_hand_in_place(void)
{
	struct raw raw = { 0 };
	struct iocb iocbs[DEPTH_MAX];

	raw_begin(&raw, iocbs);
	while (times--) {
		raw_submit(&raw);
		raw_collect_in_place(&raw);
	}
}

/* With libkaio's queue */

static uint32_t queue_flags;

static struct kaio_queue *new_queue(void)
{
	const struct kaio_queue_params params = { .flags = queue_flags };
	struct kaio_queue *queue;

	check(kaio_queue_create(&queue, depth, &params), "kaio_queue_create");
	return queue;
}

/* As many completions as operations, and without a system call. */
static void end_queue(struct kaio_queue *queue)
{
	struct kaio_queue_stats stats;

	kaio_queue_stats(queue, &stats);
	if (stats.completed < batch || stats.getevents_calls)
		die("the ring", ENOTSUP);
}

static inline void queue_write(struct kaio_queue *queue, struct kaio_iocb *iocb)
{
	kaio_prep_pwrite(iocb, fd, buffer, SIZE, 0);
	check(kaio_queue_push(queue, iocb), "kaio_queue_push");
}

static void queue_collect(struct kaio_queue *queue)
{
	struct kaio_event events[DEPTH_MAX];
	int nr = kaio_queue_wait(queue, events, batch, batch, KAIO_FOREVER);
	int i;

	check(nr == -EINTR ? 0 : nr, "kaio_queue_wait");
	for (i = 0; i < nr; i++) {
		check_result(events[i].res);
		queue_write(queue, kaio_event_iocb(&events[i]));
	}
}

static void with_queue(void)
{
	struct kaio_queue *queue = new_queue();
	struct kaio_iocb iocbs[DEPTH_MAX];
	unsigned i;

	for (i = 0; i < depth; i++)
		queue_write(queue, &iocbs[i]);
	while (times--)
		queue_collect(queue);
	end_queue(queue);
}

static void with_shared_queue(void)
{
	queue_flags = KAIO_QUEUE_SHARED;
	with_queue();
}

static void with_queue_and_submit(void)
{
	struct kaio_queue *queue = new_queue();
	struct kaio_iocb iocbs[DEPTH_MAX];
	unsigned i;

	for (i = 0; i < depth; i++)
		queue_write(queue, &iocbs[i]);
	while (times--) {
		check(kaio_queue_submit(queue), "kaio_queue_submit");
		queue_collect(queue);
	}
	end_queue(queue);
}

static struct kaio_queue *run_queue;

static void completed(struct kaio_op *op, int64_t res)
{
	check_result(res);
	queue_write(run_queue, &op->iocb);
}

static void with_callbacks(void)
{
	struct kaio_op ops[DEPTH_MAX];
	unsigned i;

	run_queue = new_queue();
	for (i = 0; i < batch; i++) {
		ops[i].complete = completed;
		queue_write(run_queue, &ops[i].iocb);
	}
	while (times--)
		check(kaio_queue_run(run_queue, batch, KAIO_FOREVER),
		      "kaio_queue_run");
	end_queue(run_queue);
}

/* The same operations over and over, in a loop and as a transfer. */

__attribute__((noinline)) static void push(struct kaio_queue *queue,
					   struct kaio_iocb *iocbs)
{
	unsigned i;

	for (i = 0; i < batch; i++)
		check(kaio_queue_push(queue, &iocbs[i]), "kaio_queue_push");
	check(kaio_queue_submit(queue), "kaio_queue_submit");
}

__attribute__((noinline)) static void post(struct kaio_transfer *transfer)
{
	check(kaio_transfer_post(transfer), "kaio_transfer_post");
}

static void push_again(void)
{
	struct kaio_queue *queue = new_queue();
	struct kaio_iocb iocbs[DEPTH_MAX];
	struct kaio_event events[DEPTH_MAX];
	unsigned i;

	for (i = 0; i < batch; i++)
		kaio_prep_pwrite(&iocbs[i], fd, buffer, SIZE, 0);
	while (times--) {
		push(queue, iocbs);
		check(kaio_queue_wait(queue, events, batch, batch,
				      KAIO_FOREVER),
		      "kaio_queue_wait");
		for (i = 0; i < batch; i++)
			check_result(events[i].res);
	}
	end_queue(queue);
}

static void post_again(void)
{
	struct kaio_queue *queue = new_queue();
	struct kaio_transfer *transfer;
	unsigned i;

	check(kaio_transfer_create(&transfer, queue, batch, 0),
	      "kaio_transfer_create");
	for (i = 0; i < batch; i++)
		kaio_prep_pwrite(kaio_transfer_iocb(transfer, i), fd, buffer,
				 SIZE, 0);
	while (times--) {
		post(transfer);
		check(kaio_transfer_wait(transfer, KAIO_FOREVER),
		      "kaio_transfer_wait");
	}
	end_queue(queue);
}

/* With libaio, if it is installed, by its own symbols and no header of it */

static int (*aio_submit)(aio_context_t ctx, long nr, struct iocb **iocbs);
static int (*aio_getevents)(aio_context_t ctx, long min, long nr,
			    struct io_event *events, struct timespec *timeout);

static void find_libaio(void)
{
	const char *path = getenv("LIBAIO");
	void *library = dlopen(path ? path : "libaio.so.1", RTLD_NOW);

	if (!library) {
		fprintf(stderr, "instructions: %s\n", dlerror());
		exit(77);
	}
	*(void **)&aio_submit = dlsym(library, "io_submit");
	*(void **)&aio_getevents = dlsym(library, "io_getevents");
	if (!aio_submit || !aio_getevents)
		die("libaio", ENOSYS);
}

static void with_libaio(void)
{
	struct raw raw = { 0 };
	struct iocb iocbs[DEPTH_MAX];
	struct io_event events[DEPTH_MAX];
	unsigned i;

	find_libaio();
	raw_begin(&raw, iocbs);
	while (times--) {
		int nr = check(aio_submit(raw.ctx, raw.nr, raw.batch),
			       "io_submit");

		if ((unsigned)nr < raw.nr)
			memmove(raw.batch, raw.batch + nr,
				(raw.nr - (unsigned)nr) * sizeof(*raw.batch));
		raw.nr -= (unsigned)nr;
		nr = check(aio_getevents(raw.ctx, batch, batch, events, NULL),
			   "io_getevents");
		for (i = 0; i < (unsigned)nr; i++)
			raw_completed(&raw, &events[i]);
	}
}

static const struct engine {
	const char *name;
	void (*run)(void);
} engines[] = {
	{ "raw", by_hand },
	{ "raw-in-place", by_hand_in_place },
	{ "kaio", with_queue },
	{ "kaio-submit", with_queue_and_submit },
	{ "kaio-run", with_callbacks },
	{ "kaio-shared", with_shared_queue },
	{ "libaio", with_libaio },
	{ "push-again", push_again },
	{ "post-again", post_again },
};

static unsigned number(const char *text)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (value < 1 || value > DEPTH_MAX)
		die(text, EINVAL);
	return (unsigned)value;
}

int main(int argc, char **argv)
{
	const size_t nr = sizeof(engines) / sizeof(*engines);
	const struct engine *engine = engines;

	while (argc == 5 && engine < engines + nr &&
	       strcmp(argv[1], engine->name) != 0)
		engine++;
	if (argc != 5 || engine == engines + nr) {
		fprintf(stderr,
			"usage: instructions ENGINE DEPTH BATCH TIMES\n");
		return 2;
	}
	depth = number(argv[2]);
	batch = number(argv[3]);
	times = strtoul(argv[4], NULL, 10);
	fd = open("/dev/null", O_WRONLY);
	if (fd < 0)
		die("/dev/null", errno);
	engine->run();
	return 0;
}
