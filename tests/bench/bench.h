/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What the commands of kaio-bench share. */
#ifndef BENCH_H
#define BENCH_H

#include "engine.h"

#include <stdio.h>
#include <time.h>

#define ENGINES_MAX 16
#define ROUNDS_MAX 99
#define POINTS_MAX 32

/* What was asked for; 0 is the command's own default. */
struct point {
	unsigned depth, batch;
};

struct options {
	const struct engine *engines[ENGINES_MAX];
	unsigned nr_engines;
	const struct engine *against; /* in engines */
	struct point points[POINTS_MAX];
	unsigned nr_points;
	unsigned rounds;
	int64_t turn_ns;
	uint64_t block, block_max;
	unsigned batch, depth;
	unsigned iterations;
	uint64_t size; /* of the file to make, where none is named */
	const char *directory;
	bool verify, writes, buffered;
	char *const *targets; /* ends with NULL */
};

struct command {
	const char *name;
	const char *arguments;
	const char *about; /* NULL: none of the user's business */
	const char *details;
	const struct column *columns, *more_columns;
	const char *options; /* those of options.c that it takes */
	void (*run)(struct options *options);
};

extern const struct command overhead_command, transfer_command, files_command,
	latency_command, spin_command, scale_command, asynchronous_command,
	fill_command, files_child_command;
extern const struct command *const commands[];

/* options.c */
struct options options_parse(const struct command *command, int argc,
			     char **argv);
/* Those that take part, and which of them the ratios are to. */
void options_need_engines(struct options *options, const char *against);
unsigned options_baseline(const struct options *options);
/* Whose turn is the i-th of a round: forth, and then back. */
unsigned options_turn(const struct options *options, unsigned round,
		      unsigned i);

/* report.c: one table or more, as text, JSON or CSV; and all other words */
enum format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_CSV
};
extern enum format format;
/* Besides: as JSON and CSV, in files whose names begin so. */
extern const char *save_as;

/* Ends with a column that has no name. */
struct column {
	const char *name;
	const char *about;
	int width;
	int decimals; /* < 0: text */
};

void report_begin(const char *command);
void report_end(void);
void table_begin(const char *title, const struct column *columns);
void table_text(const char *text);
void table_number(double number); /* NAN: there is none */
void table_gap(void);		  /* between groups of rows */
void table_end(void);
void note(const char *text, ...) __attribute__((format(printf, 1, 2)));
void progress(const char *text, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);
void die(const char *text, ...) __attribute__((format(printf, 1, 2), noreturn));
/* The command line is wrong: exits with 2. */
void usage_error(const char *text, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void *must_have(void *memory);

/* target.c: the file or device that is read or written */
struct target {
	const char *path;
	int fd;
	bool writes;
	bool seeks;	/* else all offsets are 0 */
	bool patterned; /* it holds the pattern: reads can be verified */
	bool counted;	/* the kernel counts the bytes of its I/O */
	uint64_t size;
};

struct target target_open(const char *path, const struct options *options,
			  uint64_t least, uint64_t block);
void target_close(struct target *target);
/* In words: what is done to it. */
void target_title(char *title, size_t size, const char *what,
		  const struct target *target, const struct options *options,
		  uint64_t block);
/* 512 for character devices, else 4096. */
uint64_t target_default_block(const char *path);
/* A file of the pattern in the directory, removed when the program ends. */
const char *target_make(const char *directory, uint64_t size);
void remove_at_exit(const char *path);

/* pattern.c: what each byte of a file is, by its offset */
void pattern_put(void *buffer, size_t length, int64_t offset);
bool pattern_is(const void *buffer, size_t length, int64_t offset);
void pattern_spoil(void *buffer, size_t length);
void pattern_fill(const char *path, int fd, uint64_t size);

/* account.c: time, and what the kernel did */
int64_t now_ns(void);
int64_t cpu_ns(void);
uint64_t kernel_bytes(bool written);

/* statistics.c; they sort what they are given */
double median(double *values, unsigned nr);
double percentile(double *values, size_t nr, unsigned percent);
struct ratio {
	double median, low, high;
};
struct ratio ratio(const double *values, const double *base, unsigned nr);

/* drive.c: the loops that are the same for all engines */
struct job {
	const struct target *target;
	const int *fds; /* each operation has the next; NULL: the target's */
	unsigned nr_fds;
	unsigned contexts; /* of the engine, in turns; 0 is 1 */
	unsigned depth, batch;
	uint64_t block;
	bool verify;
	/* Of each operation, in microseconds; takes a depth of 1. */
	double *latencies;
	size_t nr_latencies;
};

struct turn {
	uint64_t ops, bytes;
	int64_t wall_ns, cpu_ns;
};

struct drive;
struct drive *drive_new(const struct job *job);
void drive_free(struct drive *drive);
struct turn drive_turn(struct drive *drive, const struct engine *engine,
		       int64_t turn_ns);

/* engine-python.c: one of these engines' process, which prints as files-child
 */
void python_command(char *command, size_t size, const struct engine *engine,
		    unsigned nr, unsigned iterations, const char *directory);

/* engine.c: opening them, and looking at what they have done */

/* Opens it, and says what to do about it if that cannot be. */
void *engine_open(const struct engine *engine, const struct setup *setup);
/* Leaves those out that cannot be opened here, with a word. */
void engines_try(struct options *options, unsigned depth);
/* Ends the program unless so much was done, and what was read is right. */
void check_results(const struct engine *engine, const struct target *target,
		   struct op *const *ops, unsigned nr, bool verify);
void check_kernel(const struct engine *engine, const struct target *target,
		  uint64_t bytes, uint64_t moved);

#endif
