/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "check.h"

#include "faults.h"
#include "ledger.h"
#include "queue/queue.h"
#include "seam.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTORS 64

static const char *case_name = "";
static struct kaio_queue *watched;
static unsigned descriptors;

void check_name(const char *name)
{
	case_name = name;
}

/* One line, in one piece: other cases run at the same time. */
void check_fail(const char *format, ...)
{
	char line[1024];
	va_list arguments;
	int length;

	length = snprintf(line, sizeof(line), "FAIL: %s: ", case_name);
	va_start(arguments, format);
	length += vsnprintf(line + length, sizeof(line) - (size_t)length,
			    format, arguments);
	va_end(arguments);
	line[length++] = '\n';
	if (write(STDOUT_FILENO, line, (size_t)length) != length)
		_exit(99);
	_exit(1);
}

int check_returned(int result, const char *call)
{
	if (errno != UNTOUCHED)
		check_fail("%s changed errno to %d", call, errno);
	if (!watched)
		return result;
	if (pthread_mutex_trylock(&watched->lock))
		check_fail("%s returned %d with the lock", call, result);
	pthread_mutex_unlock(&watched->lock);
	return result;
}

void check_watch_lock(struct kaio_queue *queue)
{
	watched = queue;
}

void check_unused(struct kaio_queue *queue)
{
	EXPECT(pthread_mutex_trylock(&queue->lock) == 0);
	EXPECT(queue->waiters == 0);
	EXPECT(queue->drains == 0);
	EXPECT(!queue->reaper);
	EXPECT(!queue->in_kernel);
	pthread_mutex_unlock(&queue->lock);
}

static unsigned count_descriptors(void)
{
	unsigned n = 0;
	int fd;

	for (fd = 0; fd < DESCRIPTORS; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/*
 * Each is mapped into the process that has it; aio-nr is the whole system's,
 * and other programs change it.
 */
static unsigned count_contexts(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[1024];
	unsigned n = 0;

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps))
		n += strstr(line, "[aio]") != NULL;
	fclose(maps);
	return n;
}

void check_open(void)
{
	ledger_open();
	descriptors = count_descriptors();
	EXPECT(count_contexts() == 0);
}

void check_nothing_left(unsigned contexts)
{
	unsigned now = count_descriptors();

	if (now != descriptors)
		check_fail("%u descriptors, %u before", now, descriptors);
	now = count_contexts();
	if (now != contexts)
		check_fail("%u contexts left, not %u", now, contexts);
	if (faults_allocated)
		check_fail("%ld allocations left", faults_allocated);
	if (seam_mapped())
		check_fail("%ld bytes left mapped", seam_mapped());
}
