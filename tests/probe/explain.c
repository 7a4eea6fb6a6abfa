/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The probe layer: a sentence for every error that the headers document. */
#include "harness.h"
#include "suites.h"

#include <kaio.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *function;
	enum kaio_call call;
} calls[] = {
	{ "kaio_setup", KAIO_CALL_SETUP },
	{ "kaio_destroy", KAIO_CALL_DESTROY },
	{ "kaio_submit", KAIO_CALL_SUBMIT },
	{ "kaio_cancel", KAIO_CALL_CANCEL },
	{ "kaio_getevents", KAIO_CALL_GETEVENTS },
	{ "kaio_pgetevents", KAIO_CALL_PGETEVENTS },
	{ "kaio_ring_attach", KAIO_CALL_RING_ATTACH },
	{ "kaio_probe_system", KAIO_CALL_PROBE_SYSTEM },
	{ "kaio_get_limits", KAIO_CALL_GET_LIMITS },
	{ "kaio_get_file_info", KAIO_CALL_GET_FILE_INFO },
	{ "kaio_queue_create", KAIO_CALL_QUEUE_CREATE },
	{ "kaio_queue_destroy", KAIO_CALL_QUEUE_DESTROY },
	{ "kaio_queue_push", KAIO_CALL_QUEUE_PUSH },
	{ "kaio_queue_submit", KAIO_CALL_QUEUE_SUBMIT },
	{ "kaio_queue_reap", KAIO_CALL_QUEUE_REAP },
	{ "kaio_queue_wait", KAIO_CALL_QUEUE_WAIT },
	{ "kaio_queue_run", KAIO_CALL_QUEUE_RUN },
	{ "kaio_queue_wake", KAIO_CALL_QUEUE_WAKE },
	{ "kaio_queue_eventfd", KAIO_CALL_QUEUE_EVENTFD },
	{ "kaio_queue_cancel", KAIO_CALL_QUEUE_CANCEL },
	{ "kaio_queue_drain", KAIO_CALL_QUEUE_DRAIN },
	{ "kaio_transfer_create", KAIO_CALL_TRANSFER_CREATE },
	{ "kaio_transfer_post", KAIO_CALL_TRANSFER_POST },
	{ "kaio_transfer_test", KAIO_CALL_TRANSFER_TEST },
	{ "kaio_transfer_wait", KAIO_CALL_TRANSFER_WAIT },
	{ "kaio_transfer_result", KAIO_CALL_TRANSFER_RESULT },
	{ "kaio_transfer_bytes", KAIO_CALL_TRANSFER_BYTES },
	{ "kaio_transfer_release", KAIO_CALL_TRANSFER_RELEASE },
	{ "kaio_transfer_active", KAIO_CALL_TRANSFER_ACTIVE },
	{ "kaio_transfer_cancel", KAIO_CALL_TRANSFER_CANCEL },
};

#define NAMED(error)          \
	{                     \
#error, error \
	}
static const struct {
	const char *name;
	int number;
} errors[] = {
	NAMED(EACCES),	  NAMED(EAGAIN),  NAMED(EBADF),	    NAMED(EBUSY),
	NAMED(ECANCELED), NAMED(ECHILD),  NAMED(EFAULT),    NAMED(EINPROGRESS),
	NAMED(EINTR),	  NAMED(EINVAL),  NAMED(EMFILE),    NAMED(ENFILE),
	NAMED(ENOBUFS),	  NAMED(ENODATA), NAMED(ENOENT),    NAMED(ENOMEM),
	NAMED(ENOSPC),	  NAMED(ENOSYS),  NAMED(ENOTSUP),   NAMED(EOPNOTSUPP),
	NAMED(EPERM),	  NAMED(EIO),	  NAMED(ETIMEDOUT),
};

#define UNKNOWN (-4095) /* no errno */

static int number_of(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(errors); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].number;
	ck_abort_msg("%s is not in the table of errors", name);
	return 0;
}

static enum kaio_call call_of(const char *function)
{
	size_t i;

	for (i = 0; i < COUNT(calls); i++)
		if (strcmp(calls[i].function, function) == 0)
			return calls[i].call;
	ck_abort_msg("%s() has no enum kaio_call", function);
	return 0;
}

static void check_sentence(const char *text)
{
	size_t length = strlen(text);

	ck_assert_uint_gt(length, 20);
	ck_assert_uint_lt(length, 240);
	ck_assert_int_eq(text[length - 1], '.');
	ck_assert_ptr_null(strstr(text, "  "));
	ck_assert_ptr_null(strchr(text, '\n'));
}

/* Doc comments: "kaio_x - does it", then a line " * -EXXX: cause" for each. */
static unsigned check_header(FILE *header)
{
	char function[72] = "";
	unsigned found = 0;
	char line[256];
	char name[64];

	while (fgets(line, sizeof(line), header)) {
		int error;

		if (sscanf(line, " * kaio_%50[a-z0-9_] -", name) == 1 &&
		    strstr(line, " - "))
			snprintf(function, sizeof(function), "kaio_%s", name);
		if (sscanf(line, " * -%50[A-Z0-9]:", name) != 1 ||
		    strncmp(line, " * -E", 5) != 0)
			continue;
		error = -number_of(name);
		ck_assert_msg(
			strcmp(kaio_explain(call_of(function), error),
			       kaio_explain(call_of(function), UNKNOWN)) != 0,
			"%s() returns -%s, which kaio_explain() does not know",
			function, name);
		check_sentence(kaio_explain(call_of(function), error));
		found++;
	}
	return found;
}

START_TEST(every_error_that_a_header_documents_has_a_sentence)
{
	const char *headers[] = { "abi", "ring", "probe", "queue", "transfer" };
	const char *srcdir = getenv("srcdir");
	unsigned found = 0;
	size_t i;

	for (i = 0; i < COUNT(headers); i++) {
		char path[1024];
		FILE *header;

		snprintf(path, sizeof(path), "%s/include/kaio/%s.h",
			 srcdir ? srcdir : "..", headers[i]);
		header = fopen(path, "r");
		if (!header)
			continue;
		found += check_header(header);
		fclose(header);
	}
	if (!found)
		SKIP("the headers are not in $srcdir/include/kaio");
	ck_assert_uint_gt(found, 70);
}
END_TEST

START_TEST(errors_of_one_call_have_sentences_of_their_own)
{
	size_t i, j, k;

	for (i = 0; i < COUNT(calls); i++)
		for (j = 0; j < COUNT(errors); j++)
			for (k = 0; k < j; k++) {
				const char *a = kaio_explain(calls[i].call,
							     -errors[j].number);
				const char *b = kaio_explain(calls[i].call,
							     -errors[k].number);

				/* EOPNOTSUPP and ENOTSUP are one number. */
				ck_assert_msg(
					a != b ||
						errors[j].number ==
							errors[k].number ||
						a == kaio_explain(calls[i].call,
								  UNKNOWN),
					"%s(): %s and %s", calls[i].function,
					errors[j].name, errors[k].name);
			}
}
END_TEST

/* By the kernel, or by io_submit through a queue. */
static const int results[] = {
	EAGAIN, EBADF, EDQUOT,	   EFAULT, EFBIG,     EILSEQ,	 EINTR,
	EINVAL, EIO,   ENODATA,	   ENODEV, ENOMEM,    ENOSPC,	 ENOSYS,
	EPERM,	EPIPE, EOPNOTSUPP, ESTALE, EOVERFLOW, ETIMEDOUT, ECANCELED,
};

START_TEST(what_may_come_of_an_operation_has_a_sentence)
{
	size_t i;

	for (i = 0; i < COUNT(results); i++) {
		const char *text = kaio_explain(KAIO_CALL_RESULT, -results[i]);

		ck_assert_msg(text != kaio_explain(KAIO_CALL_RESULT, UNKNOWN),
			      "%s", strerror(results[i]));
		check_sentence(text);
	}
}
END_TEST

static bool says(enum kaio_call call, int error, const char *word)
{
	return strstr(kaio_explain(call, -error), word) != NULL;
}

/* Where the call itself returns the same error, the sentence has both. */
START_TEST(a_transfers_calls_explain_the_errors_of_operations)
{
	const enum kaio_call status[] = { KAIO_CALL_TRANSFER_TEST,
					  KAIO_CALL_TRANSFER_WAIT,
					  KAIO_CALL_TRANSFER_RESULT };
	const int both[] = { EINVAL, EPERM, ENODATA, ENOSYS, EINTR };
	size_t i, j, k;

	for (i = 0; i < COUNT(status); i++)
		for (j = 0; j < COUNT(results); j++) {
			for (k = 0; k < COUNT(both); k++)
				if (results[j] == both[k])
					break;
			if (k < COUNT(both))
				continue;
			ck_assert_ptr_eq(
				kaio_explain(status[i], -results[j]),
				kaio_explain(KAIO_CALL_RESULT, -results[j]));
		}
	for (i = 0; i < COUNT(status); i++) {
		ck_assert(says(status[i], EINVAL, "iovecs"));
		ck_assert(says(status[i], EINVAL, "never posted"));
		ck_assert(says(status[i], EPERM, "file"));
		ck_assert(says(status[i], EPERM, "policy"));
		ck_assert(says(status[i], ENODATA, "medium"));
		ck_assert(says(status[i], ENOSYS, "policy"));
	}
	ck_assert(says(KAIO_CALL_TRANSFER_TEST, ENODATA, "end of the file"));
	ck_assert(says(KAIO_CALL_TRANSFER_WAIT, EINTR, "the wait"));
	ck_assert(says(KAIO_CALL_TRANSFER_TEST, EINTR, "the operation"));
}
END_TEST

START_TEST(einval_of_an_operation_has_all_its_causes)
{
	const char *causes[] = { "alignment", "iovecs",	 "1024",     "offset",
				 "opcode",    "eventfd", "priority", "file" };
	size_t i;

	for (i = 0; i < COUNT(causes); i++)
		ck_assert_msg(says(KAIO_CALL_RESULT, EINVAL, causes[i]), "%s",
			      causes[i]);
}
END_TEST

START_TEST(the_same_error_means_another_thing_from_another_call)
{
	ck_assert(says(KAIO_CALL_SETUP, EAGAIN, "fs.aio-max-nr"));
	ck_assert(says(KAIO_CALL_SUBMIT, EAGAIN, "collect completions"));
	ck_assert(says(KAIO_CALL_RESULT, EAGAIN, "KAIO_RWF_NOWAIT"));
}
END_TEST

START_TEST(a_call_that_is_newer_than_the_library_is_unknown)
{
	const char *unknown = kaio_explain(KAIO_CALL_SETUP, UNKNOWN);
	const int newer[] = { -1, 32, 33, 63, 64, 65, 1 << 20 };
	size_t i;
	int error;

	for (i = 0; i < COUNT(newer); i++)
		for (error = 1; error < 200; error++)
			ck_assert_ptr_eq(
				kaio_explain((enum kaio_call)newer[i], -error),
				unknown);
}
END_TEST

START_TEST(it_always_has_an_answer)
{
	const char *none = kaio_explain(KAIO_CALL_SUBMIT, 0);
	int call;
	int error;

	errno = 4711;
	for (call = -2; call < 100; call++)
		for (error = -200; error <= 200; error++) {
			const char *text =
				kaio_explain((enum kaio_call)call, error);

			ck_assert_ptr_nonnull(text);
			if (error >= 0)
				ck_assert_str_eq(text, none);
			else
				ck_assert_str_ne(text, none);
		}
	ck_assert_int_eq(errno, 4711);
	ck_assert_ptr_eq(kaio_explain(KAIO_CALL_SUBMIT, INT_MIN),
			 kaio_explain(KAIO_CALL_SUBMIT, UNKNOWN));
	check_sentence(none);
	check_sentence(kaio_explain(KAIO_CALL_SUBMIT, UNKNOWN));
}
END_TEST

static const struct {
	int error;
	const char *text;
} sentences[] = {
#define SENTENCE(calls, number, text) { number, text },
#include "probe/sentences.h"
#undef SENTENCE
};

/* None is after one that matches whatever it matches. */
START_TEST(every_sentence_is_that_of_a_call)
{
	size_t i;

	for (i = 0; i < COUNT(sentences); i++) {
		unsigned call = 0;

		while (call < 32 && strcmp(kaio_explain((enum kaio_call)call,
							-sentences[i].error),
					   sentences[i].text) != 0)
			call++;
		ck_assert_msg(call < 32, "never: %s", sentences[i].text);
	}
}
END_TEST

Suite *suite_probe_explain(void)
{
	const TTest *tests[] = {
		every_error_that_a_header_documents_has_a_sentence,
		errors_of_one_call_have_sentences_of_their_own,
		what_may_come_of_an_operation_has_a_sentence,
		a_transfers_calls_explain_the_errors_of_operations,
		einval_of_an_operation_has_all_its_causes,
		the_same_error_means_another_thing_from_another_call,
		a_call_that_is_newer_than_the_library_is_unknown,
		it_always_has_an_answer,
		every_sentence_is_that_of_a_call,
	};

	return harness_suite("explain", tests, COUNT(tests));
}
