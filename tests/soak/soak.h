/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * A mixed load on queues and transfers, for as long as told, that looks at
 * every result and every byte. See CONTRIBUTING.md.
 */
#ifndef SOAK_H
#define SOAK_H

#include <kaio.h>

#include <stdbool.h>
#include <sys/uio.h>

#define BLOCK 4096
#define JOB_BLOCKS 8
#define BATCH_BLOCKS 32
#define JOBS 24
#define BATCHES 4
#define WORKER_BLOCKS (JOBS * JOB_BLOCKS + BATCHES * BATCH_BLOCKS)

/* How a worker collects. */
enum way {
	BY_WAIT,
	BY_RUN,
	BY_REAP,
	BY_EVENTFD,
};

/*
 * Blocks of a file that one job or batch alone reads and writes, one operation
 * at a time each.
 */
struct range {
	unsigned file;
	unsigned first;
	uint32_t now[BATCH_BLOCKS];  /* the generation that a block has */
	uint32_t next[BATCH_BLOCKS]; /* or this one, if it is unsettled */
	bool unsettled; /* a write was cancelled: to be read before the next */
};

/* A single operation, which is pushed again and again. */
struct job {
	struct kaio_op op;
	struct worker *worker;
	struct range range;
	unsigned kind;
	unsigned block, nr; /* of the range */
	bool may_be_cancelled;
	struct iovec iov[JOB_BLOCKS];
	char *buffer;
	int eventfd;
	int state; /* atomic */
};

/* A transfer, made, posted, ended in one of several ways, and released. */
struct batch {
	struct kaio_transfer *transfer;
	struct worker *worker;
	struct range range;
	unsigned use;
	unsigned nr_ops;
	unsigned again; /* posts that are to follow */
	bool writes;
	bool cancelled;
	struct iovec iov[BATCH_BLOCKS];
	char *buffer;
	int state; /* atomic */
};

struct worker {
	struct kaio_queue *queue;
	enum way way;
	bool shared;
	struct job jobs[JOBS];
	struct batch batches[BATCHES];
};

/* Sums of all threads; atomic. */
struct soak_counts {
	uint64_t operations; /* completed */
	uint64_t posts;	     /* of transfers */
	uint64_t faults;     /* of system calls, made by seam.c */
	uint64_t canceled;
	uint64_t wrong;	     /* results or bytes, doubled completions */
	uint64_t lost;	     /* operations and posts without an end */
	int64_t allocations; /* memory not freed yet */
};
extern struct soak_counts soak_counts;

#define COUNT_UP(what) \
	__atomic_add_fetch(&soak_counts.what, 1, __ATOMIC_RELAXED)

/* The thread's random numbers, below n. */
void soak_seed(uint64_t seed);
unsigned soak_random(unsigned n);

/* Prints what is wrong, and counts it. */
void soak_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* file.c: two files, the first with O_DIRECT where that works */
int file_open(const char *folder, unsigned nr_blocks);
int file_fd(const struct range *range);
bool file_is_direct(void);
void range_init(struct range *range, unsigned file, unsigned first);
uint64_t range_offset(const struct range *range, unsigned block);
void range_fill(struct range *range, unsigned block, unsigned nr, char *buffer);
void range_is_written(struct range *range, unsigned block, unsigned nr);
void range_check(struct range *range, unsigned block, unsigned nr,
		 const char *buffer);

/* jobs.c */
void job_init(struct job *job, struct worker *worker, unsigned file,
	      unsigned first);
bool job_is_idle(const struct job *job);
void job_start(struct job *job);
/* A poll ends no other way. */
void job_end_poll(struct job *job);

/* batches.c */
void batch_init(struct batch *batch, struct worker *worker, unsigned file,
		unsigned first);
bool batch_is_idle(const struct batch *batch);
void batch_start(struct batch *batch);
void batch_go_on(struct batch *batch);

/* worker.c */
void worker_init(struct worker *worker, unsigned number);
/* Until soak_stop is set and nothing is outstanding. */
void *worker_run(void *worker);
void worker_drain(struct worker *worker);
extern int soak_stop;	/* atomic */
int64_t soak_now(void); /* seconds */

#endif
