/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child exits with that did not come to its faults. */
#define NOT_REACHED 78

/* After so many seconds a case hangs: it takes milliseconds. */
#define LIMIT 20

#define JOBS_MAX 64
#define NAME_SIZE 200

unsigned cases_jobs = 16;
unsigned cases_seed = 1;

static struct job {
	pid_t child;
	char name[NAME_SIZE];
} jobs[JOBS_MAX];
static unsigned nr_running;
static struct tally tally;

static void print_name(char *name, const struct workload *workload,
		       const struct fault *faults, size_t nr)
{
	size_t length = (size_t)snprintf(name, NAME_SIZE, "--seed %u %s%s",
					 cases_seed, workload->name,
					 workload->ring ? "" : "/no-ring");
	size_t i;

	for (i = 0; i < nr; i++) {
		name[length++] = ' ';
		faultcase_print(name + length, NAME_SIZE - length, faults + i);
		length += strlen(name + length);
	}
}

static void run(const struct workload *workload, const struct fault *faults,
		size_t nr, const char *name, struct seam_log *log)
{
	const char *multiplier = getenv("CK_TIMEOUT_MULTIPLIER");
	int by = multiplier ? atoi(multiplier) : 1;

	check_name(name);
	alarm(LIMIT * (unsigned)(by > 0 ? by : 1));
	if (workload->ring)
		unsetenv("KAIO_NO_RING");
	else
		setenv("KAIO_NO_RING", "1", 1);
	check_open();
	seam_begin(faults, nr, log);
	workload->run();
	seam_end();
	check_nothing_left(0);
	_exit(seam_is_complete() ? 0 : NOT_REACHED);
}

static void end(struct job *job, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_REACHED) {
		tally.not_reached++;
	} else {
		tally.cases++;
		tally.failed += status != 0;
	}
	if (WIFSIGNALED(status))
		printf("FAIL: %s: %s\n", job->name,
		       WTERMSIG(status) == SIGALRM
			       ? "it hangs"
			       : strsignal(WTERMSIG(status)));
	job->child = 0;
	nr_running--;
}

static void wait_for_one(void)
{
	int status;
	pid_t child = wait(&status);
	unsigned i;

	for (i = 0; i < JOBS_MAX; i++)
		if (jobs[i].child == child)
			end(&jobs[i], status);
}

static void start(const struct workload *workload, const struct fault *faults,
		  size_t nr, struct seam_log *log)
{
	struct job *job = jobs;

	while (nr_running >= cases_jobs || nr_running == JOBS_MAX)
		wait_for_one();
	while (job->child)
		job++;
	print_name(job->name, workload, faults, nr);
	fflush(stdout);
	job->child = fork();
	if (job->child == 0)
		run(workload, faults, nr, job->name, log);
	EXPECT(job->child > 0);
	nr_running++;
}

void cases_start(const struct workload *workload, const struct fault *faults,
		 size_t nr)
{
	start(workload, faults, nr, NULL);
}

struct tally cases_wait(void)
{
	struct tally result;

	while (nr_running)
		wait_for_one();
	result = tally;
	tally = (struct tally){ 0, 0, 0 };
	return result;
}

bool cases_record(const struct workload *workload, struct seam_log *log)
{
	log->nr = 0;
	start(workload, NULL, 0, log);
	return cases_wait().failed == 0;
}
