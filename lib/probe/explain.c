/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* What errors mean and what to do about them. */
#include <kaio/probe.h>

#include <assert.h>
#include <errno.h>

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

static_assert(KAIO_CALL_TRANSFER_CANCEL < CALLS_MAX, "a set of calls");

const char *kaio_explain(enum kaio_call call, int error)
{
	const uint32_t bit = (unsigned)call < CALLS_MAX ? 1u << call : 0;

	if (error >= 0)
		return "It worked: there is no error.";
#define SENTENCE(calls, number, text)                 \
	if (error == -(number) && ((calls)&bit) != 0) \
		return text;
#include "sentences.h"
#undef SENTENCE
	return "This call is not known to return this error: errno(3) has its "
	       "general meaning.";
}
