/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * What errors mean and what to do about them.
 *
 * The sentences are one structure of character arrays, so that an entry of the
 * table needs no pointer, which would take 8 bytes and a relocation of 24.
 */
#include <kaio/probe.h>

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#define CALL(name) (UINT32_C(1) << KAIO_CALL_##name)
#define CALLS_MAX 32

#define GETEVENTS (CALL(GETEVENTS) | CALL(PGETEVENTS))
#define WAITS (CALL(QUEUE_WAIT) | CALL(QUEUE_RUN) | CALL(QUEUE_DRAIN))
#define QUEUE                                                          \
	(CALL(QUEUE_DESTROY) | CALL(QUEUE_PUSH) | CALL(QUEUE_SUBMIT) | \
	 CALL(QUEUE_REAP) | CALL(QUEUE_WAKE) | CALL(QUEUE_EVENTFD) |   \
	 CALL(QUEUE_CANCEL) | WAITS)
#define STATUS (CALL(TRANSFER_TEST) | CALL(TRANSFER_WAIT))
#define TRANSFER                                                               \
	(CALL(TRANSFER_CREATE) | CALL(TRANSFER_POST) | CALL(TRANSFER_RESULT) | \
	 CALL(TRANSFER_BYTES) | CALL(TRANSFER_RELEASE) |                       \
	 CALL(TRANSFER_ACTIVE) | CALL(TRANSFER_CANCEL) | STATUS)
/* The calls that return what became of an operation. */
#define RESULT (CALL(RESULT) | CALL(TRANSFER_RESULT) | STATUS)
#define EVERY_CALL UINT32_MAX

#define JOIN(a, b) a##b
#define MEMBER_OF_LINE(line) JOIN(line_, line)
#define MEMBER MEMBER_OF_LINE(__LINE__)

struct sentences {
#define SENTENCE(calls, error, text) char MEMBER[sizeof(text)];
#include "sentences.h"
#undef SENTENCE
};

static const struct sentences sentences = {
#define SENTENCE(calls, error, text) text,
#include "sentences.h"
#undef SENTENCE
};

static const struct {
	uint32_t calls;
	int16_t error;
	uint16_t text;
} table[] = {
#define SENTENCE(calls, error, text) \
	{ calls, error, offsetof(struct sentences, MEMBER) },
#include "sentences.h"
#undef SENTENCE
};

static_assert(KAIO_CALL_TRANSFER_CANCEL < CALLS_MAX, "a set of calls");
static_assert(sizeof(sentences) <= UINT16_MAX, "offsets of sentences");

const char *kaio_explain(enum kaio_call call, int error)
{
	const size_t nr = sizeof(table) / sizeof(*table);
	size_t i;

	if (error >= 0)
		return "It worked: there is no error.";
	for (i = 0; i < nr && (unsigned)call < CALLS_MAX; i++)
		if (table[i].error == -(int64_t)error &&
		    table[i].calls >> call & 1)
			return (const char *)&sentences + table[i].text;
	return "This call is not known to return this error: errno(3) has its "
	       "general meaning.";
}
