/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Every fault at every call: each workload is run once to see which system
 * calls it makes, and then again for each of them and each way in which it can
 * fail, once or from then on, and for pairs of faults that follow each other.
 *
 *   test-faults                    some of the cases of one fault
 *   test-faults [--seed N] all [WORKLOAD]
 *                                  these, all that last, and thousands of pairs
 *   test-faults WORKLOAD FAULT...  one case, as a line that tells a failure has
 *                                  it
 *   test-faults WORKLOAD           its run without faults: which calls it makes
 */
#include "cases.h"
#include "workloads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The second fault of a pair is in one of so many calls after the first. */
#define NEAR 4

static const struct workload workloads[] = {
	{ "wait", workload_wait, true },
	{ "run", workload_run, true },
	{ "cancel", workload_cancel, true },
	{ "drop", workload_drop, true },
	{ "wake", workload_wake, true },
	{ "eventfd", workload_eventfd, true },
	{ "eventfd-shared", workload_eventfd_shared, true },
	{ "threads", workload_threads, true },
	{ "drains", workload_drains, true },
	{ "transfer", workload_transfer, true },
	{ "transfer-cancel", workload_transfer_cancel, true },
	{ "transfer-cancel-shared", workload_transfer_cancel_shared, true },
	{ "transfer-threads", workload_transfer_threads, true },
	{ "libaio", workload_libaio, true },
	{ "libaio-run", workload_libaio_run, true },
	{ "libaio-threads", workload_libaio_threads, true },
};

/* How many of the cases to run: one of stride, or so many pairs. */
struct amount {
	unsigned stride;
	bool lasting;
	unsigned long pairs;
};

static struct tally all;

static void start_singles(const struct workload *workload,
			  const struct seam_log *log, struct amount amount)
{
	int outcomes[OUTCOMES_MAX];
	unsigned long n = cases_seed;
	unsigned i;

	for (i = 0; i < log->nr; i++) {
		const struct called *called = &log->calls[i];
		size_t nr = faultcase_outcomes(called, outcomes);

		while (nr--) {
			struct fault fault = { called->call, called->position,
					       outcomes[nr], false };

			if (n++ % amount.stride)
				continue;
			cases_start(workload, &fault, 1);
			fault.lasts = true;
			if (amount.lasting &&
			    faultcase_can_last(fault.call, fault.outcome))
				cases_start(workload, &fault, 1);
		}
	}
}

/*
 * The calls that may follow the one at i: the next ones, one more of its kind
 * for each try after the last, and what is tried in its place.
 */
static unsigned followers(const struct seam_log *log, unsigned i,
			  struct called *list)
{
	const struct called *first = &log->calls[i];
	unsigned nr = 0;
	unsigned last = 0;
	unsigned j;

	for (j = 0; j < log->nr; j++) {
		const struct called *called = &log->calls[j];

		if (j > i && nr < NEAR)
			list[nr++] = *called;
		if (called->call == first->call)
			last = called->position;
	}
	list[nr] = *first;
	list[nr++].position = last + 1;
	if (first->call == SUBMIT)
		list[nr++] =
			(struct called){ SUBMIT, first->position + 1, 0, true };
	if (first->call == GETEVENTS)
		list[nr++] = (struct called){ PGETEVENTS, 1, 1, false };
	return nr;
}

/* Calls f for each pair; how many there are. */
static unsigned long each_pair(const struct workload *workload,
			       const struct seam_log *log, unsigned long stride)
{
	int first_outcomes[OUTCOMES_MAX], second_outcomes[OUTCOMES_MAX];
	struct called list[NEAR + 3];
	unsigned long n = 0;
	unsigned i;

	for (i = 0; i < log->nr; i++) {
		const struct called *first = &log->calls[i];
		unsigned nr = followers(log, i, list);
		size_t nr_first = faultcase_outcomes(first, first_outcomes);

		while (nr--) {
			size_t nr_second =
				faultcase_outcomes(&list[nr], second_outcomes);
			size_t a, b;

			for (a = 0; a < nr_first; a++)
				for (b = 0; b < nr_second; b++) {
					const struct fault faults[] = {
						{ first->call, first->position,
						  first_outcomes[a], false },
						{ list[nr].call,
						  list[nr].position,
						  second_outcomes[b], false },
					};

					if (stride &&
					    n % stride == cases_seed % stride)
						cases_start(workload, faults,
							    2);
					n++;
				}
		}
	}
	return n;
}

static bool run_workload(const struct workload *workload, struct seam_log *log,
			 struct amount amount)
{
	const char *no_ring = workload->ring ? "" : "/no-ring";
	struct tally tally;

	if (!cases_record(workload, log))
		return false;
	start_singles(workload, log, amount);
	if (amount.pairs) {
		unsigned long pairs = each_pair(workload, log, 0);

		each_pair(workload, log,
			  (pairs + amount.pairs - 1) / amount.pairs);
	}
	tally = cases_wait();
	printf("%s%s: %u calls, %lu cases, %lu not reached, %lu failed\n",
	       workload->name, no_ring, log->nr, tally.cases, tally.not_reached,
	       tally.failed);
	all.cases += tally.cases;
	all.failed += tally.failed;
	all.not_reached += tally.not_reached;
	return true;
}

static int run_all(const char *name, struct seam_log *log, struct amount amount)
{
	size_t i;

	for (i = 0; i < 2 * COUNT(workloads); i++) {
		struct workload workload = workloads[i / 2];

		workload.ring = i % 2 == 0;
		if (name && strcmp(name, workload.name) != 0)
			continue;
		if (!run_workload(&workload, log, amount))
			return 1;
	}
	printf("%lu cases of (call, outcome, position), seed %u\n", all.cases,
	       cases_seed);
	printf("%lu passed, %lu failed, 0 skipped\n", all.cases - all.failed,
	       all.failed);
	return all.failed != 0;
}

static bool find(const char *name, struct workload *workload)
{
	size_t length = strcspn(name, "/");
	size_t i;

	for (i = 0; i < COUNT(workloads); i++) {
		*workload = workloads[i];
		workload->ring = !name[length];
		if (strlen(workload->name) == length &&
		    strncmp(name, workload->name, length) == 0)
			return true;
	}
	return false;
}

static void print_calls(const struct seam_log *log)
{
	unsigned i;

	for (i = 0; i < log->nr; i++)
		printf("%s:%u%s\n", faultcase_calls[log->calls[i].call],
		       log->calls[i].position,
		       log->calls[i].probe ? " (a probe)" : "");
}

static int run_one(char **arguments, int nr, struct seam_log *log)
{
	struct fault faults[FAULTS_MAX];
	struct workload workload;
	struct tally tally;
	int i;

	if (!find(arguments[0], &workload) || nr > 1 + FAULTS_MAX) {
		fprintf(stderr, "there is no such workload\n");
		return 2;
	}
	for (i = 1; i < nr; i++)
		if (!faultcase_parse(arguments[i], &faults[i - 1])) {
			fprintf(stderr, "%s is no fault\n", arguments[i]);
			return 2;
		}
	if (nr == 1) {
		bool good = cases_record(&workload, log);

		print_calls(log);
		return !good;
	}
	cases_start(&workload, faults, (size_t)nr - 1);
	tally = cases_wait();
	if (tally.not_reached)
		printf("the run does not come to it\n");
	return tally.failed != 0;
}

int main(int argc, char **argv)
{
	const struct amount some = { 5, false, 0 };
	const struct amount most = { 1, true, 1000 };
	struct seam_log *log = mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	kaio_context_t ctx = 0;

	if (log == MAP_FAILED)
		return 99;
	if (kaio_setup(1, &ctx) == -ENOSYS) {
		printf("SKIP: this kernel has no AIO\n");
		return 77;
	}
	kaio_destroy(ctx);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 3 && strcmp(argv[1], "--seed") == 0) {
		cases_seed = (unsigned)strtoul(argv[2], NULL, 10);
		argc -= 2;
		argv += 2;
	}
	if (argc == 1)
		return run_all(NULL, log, some);
	if (strcmp(argv[1], "all") == 0)
		return run_all(argv[2], log, most);
	return run_one(argv + 1, argc - 1, log);
}
