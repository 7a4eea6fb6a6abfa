/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The prep layer: what each function writes. test-abi-ffi has this file again,
 * and calls the symbols of the library instead of the inline functions.
 */
#include "harness.h"
#include "suites.h"

#include <kaio.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>

#define FD 0x12345678
#define OFFSET INT64_C(-0x123456789abcdef0)

static char buf[16];
static const struct iovec iov[3];

static void prep_iocb(struct kaio_iocb *iocb)
{
	kaio_prep_iocb(iocb, 0xabcd, FD, UINT64_MAX - 1, UINT64_MAX - 2,
		       OFFSET);
}

static void prep_pread(struct kaio_iocb *iocb)
{
	kaio_prep_pread(iocb, FD, buf, sizeof(buf), OFFSET);
}

static void prep_pwrite(struct kaio_iocb *iocb)
{
	kaio_prep_pwrite(iocb, FD, buf, SIZE_MAX, OFFSET);
}

static void prep_preadv(struct kaio_iocb *iocb)
{
	kaio_prep_preadv(iocb, FD, iov, 3, OFFSET);
}

static void prep_pwritev(struct kaio_iocb *iocb)
{
	kaio_prep_pwritev(iocb, -1, iov, 2, INT64_MAX);
}

static void prep_fsync(struct kaio_iocb *iocb)
{
	kaio_prep_fsync(iocb, FD);
}

static void prep_fdsync(struct kaio_iocb *iocb)
{
	kaio_prep_fdsync(iocb, FD);
}

static void prep_poll(struct kaio_iocb *iocb)
{
	kaio_prep_poll(iocb, FD, POLLIN | POLLOUT);
}

static const struct {
	void (*prep)(struct kaio_iocb *iocb);
	struct kaio_iocb result; /* other members are 0 */
} preps[] = {
	{ prep_iocb,
	  { .lio_opcode = 0xabcd,
	    .fildes = FD,
	    .buf = UINT64_MAX - 1,
	    .nbytes = UINT64_MAX - 2,
	    .offset = OFFSET } },
	{ prep_pread,
	  { .lio_opcode = KAIO_OP_PREAD,
	    .fildes = FD,
	    .buf = 1,
	    .nbytes = sizeof(buf),
	    .offset = OFFSET } },
	{ prep_pwrite,
	  { .lio_opcode = KAIO_OP_PWRITE,
	    .fildes = FD,
	    .buf = 1,
	    .nbytes = SIZE_MAX,
	    .offset = OFFSET } },
	{ prep_preadv,
	  { .lio_opcode = KAIO_OP_PREADV,
	    .fildes = FD,
	    .buf = 2,
	    .nbytes = 3,
	    .offset = OFFSET } },
	{ prep_pwritev,
	  { .lio_opcode = KAIO_OP_PWRITEV,
	    .fildes = UINT32_MAX,
	    .buf = 2,
	    .nbytes = 2,
	    .offset = INT64_MAX } },
	{ prep_fsync, { .lio_opcode = KAIO_OP_FSYNC, .fildes = FD } },
	{ prep_fdsync, { .lio_opcode = KAIO_OP_FDSYNC, .fildes = FD } },
	{ prep_poll,
	  { .lio_opcode = KAIO_OP_POLL,
	    .fildes = FD,
	    .buf = POLLIN | POLLOUT } },
};

/* An address is no constant of 64 bits: the table has numbers instead. */
static uint64_t address(uint64_t number)
{
	switch (number) {
	case 1:
		return (uintptr_t)buf;
	case 2:
		return (uintptr_t)iov;
	}
	return number;
}

START_TEST(prep_sets_every_member_whatever_was_there)
{
	static const int before[] = { 0x00, 0xff, 0x5a };
	size_t i;
	size_t j;

	for (i = 0; i < COUNT(preps); i++) {
		struct kaio_iocb expected = preps[i].result;
		struct kaio_iocb iocb;

		expected.buf = address(expected.buf);
		for (j = 0; j < COUNT(before); j++) {
			memset(&iocb, before[j], sizeof(iocb));
			preps[i].prep(&iocb);
			ck_assert_mem_eq(&iocb, &expected, sizeof(iocb));
		}
	}
}
END_TEST

static void set_data(struct kaio_iocb *iocb)
{
	kaio_iocb_set_data(iocb, buf);
}

static void set_rw_flags(struct kaio_iocb *iocb)
{
	kaio_iocb_set_rw_flags(iocb, KAIO_RWF_NOWAIT | KAIO_RWF_DSYNC);
}

static void set_ioprio(struct kaio_iocb *iocb)
{
	kaio_iocb_set_ioprio(iocb, KAIO_IOPRIO(KAIO_IOPRIO_CLASS_IDLE, 5));
}

static void set_eventfd(struct kaio_iocb *iocb)
{
	kaio_iocb_set_eventfd(iocb, FD);
}

static void (*const setters[])(struct kaio_iocb *iocb) = {
	set_data,
	set_rw_flags,
	set_ioprio,
	set_eventfd,
};

START_TEST(setters_give_the_same_in_any_order)
{
	struct kaio_iocb expected = preps[1].result;
	unsigned order;

	expected.buf = address(expected.buf);
	expected.data = (uintptr_t)buf;
	expected.rw_flags = 0xa;
	expected.reqprio = 3 << 13 | 5;
	expected.resfd = FD;
	expected.flags = 3;
	/* Four base-4 digits: every order, and some set twice. */
	for (order = 0; order < 256; order++) {
		unsigned digits = order;
		unsigned seen = 0;
		struct kaio_iocb iocb;
		int i;

		memset(&iocb, 0xff, sizeof(iocb));
		prep_pread(&iocb);
		for (i = 0; i < 4; i++, digits /= 4) {
			setters[digits % 4](&iocb);
			seen |= 1u << digits % 4;
		}
		if (seen == 0xf)
			ck_assert_mem_eq(&iocb, &expected, sizeof(iocb));
	}
}
END_TEST

START_TEST(each_setter_changes_its_own_members_only)
{
	struct kaio_iocb expected;
	struct kaio_iocb iocb;

	prep_pread(&expected);
	prep_pread(&iocb);
	kaio_iocb_set_data64(&iocb, UINT64_MAX - 7);
	expected.data = UINT64_MAX - 7;
	ck_assert_mem_eq(&iocb, &expected, sizeof(iocb));
	kaio_iocb_set_rw_flags(&iocb, KAIO_RWF_SYNC);
	kaio_iocb_set_rw_flags(&iocb, KAIO_RWF_HIPRI);
	expected.rw_flags = 1;
	ck_assert_mem_eq(&iocb, &expected, sizeof(iocb));
	kaio_iocb_set_ioprio(&iocb, KAIO_IOPRIO(2, 7));
	expected.reqprio = 2 << 13 | 7;
	expected.flags = KAIO_IOCB_IOPRIO;
	ck_assert_mem_eq(&iocb, &expected, sizeof(iocb));
	kaio_iocb_set_eventfd(&iocb, 0);
	expected.flags |= KAIO_IOCB_RESFD;
	ck_assert_mem_eq(&iocb, &expected, sizeof(iocb));
}
END_TEST

START_TEST(what_is_cleared_is_as_if_never_set)
{
	struct kaio_iocb prepared;
	struct kaio_iocb both;
	struct kaio_iocb iocb;

	prep_pread(&prepared);
	iocb = prepared;
	kaio_iocb_set_ioprio(&iocb, KAIO_IOPRIO(2, 7));
	both = iocb;
	kaio_iocb_set_eventfd(&both, FD);
	kaio_iocb_clear_eventfd(&both);
	ck_assert_mem_eq(&both, &iocb, sizeof(iocb));
	kaio_iocb_clear_ioprio(&iocb);
	ck_assert_mem_eq(&iocb, &prepared, sizeof(iocb));

	kaio_iocb_set_eventfd(&iocb, FD);
	both = iocb;
	kaio_iocb_set_ioprio(&both, KAIO_IOPRIO(2, 7));
	kaio_iocb_clear_ioprio(&both);
	ck_assert_mem_eq(&both, &iocb, sizeof(iocb));
	kaio_iocb_clear_eventfd(&iocb);
	ck_assert_mem_eq(&iocb, &prepared, sizeof(iocb));
	kaio_iocb_clear_eventfd(&iocb);
	kaio_iocb_clear_ioprio(&iocb);
	ck_assert_mem_eq(&iocb, &prepared, sizeof(iocb));
}
END_TEST

START_TEST(an_event_has_a_signed_result)
{
	static const int64_t results[] = { 0, 1, -EIO, INT64_MAX, INT64_MIN };
	struct kaio_event event = { .data = 1, .obj = 2, .res2 = 3 };
	size_t i;

	for (i = 0; i < COUNT(results); i++) {
		event.res = results[i];
		ck_assert_int_eq(kaio_event_res(&event), results[i]);
	}
}
END_TEST

START_TEST(sizes_are_those_of_the_structures)
{
	ck_assert_uint_eq(kaio_sizeof_iocb(), sizeof(struct kaio_iocb));
	ck_assert_uint_eq(kaio_sizeof_event(), sizeof(struct kaio_event));
}
END_TEST

START_TEST(an_event_gives_back_pointers)
{
	struct kaio_iocb iocb;
	struct kaio_event event = { 0 };

	kaio_iocb_set_data(&iocb, buf + 1);
	event.data = iocb.data;
	event.obj = (uintptr_t)&iocb;
	ck_assert_ptr_eq(kaio_event_data(&event), buf + 1);
	ck_assert_ptr_eq(kaio_event_iocb(&event), &iocb);
	event.data = 0;
	ck_assert_ptr_null(kaio_event_data(&event));
}
END_TEST

Suite *suite_prep(void)
{
	const TTest *tests[] = {
		prep_sets_every_member_whatever_was_there,
		setters_give_the_same_in_any_order,
		each_setter_changes_its_own_members_only,
		what_is_cleared_is_as_if_never_set,
		an_event_has_a_signed_result,
		sizes_are_those_of_the_structures,
		an_event_gives_back_pointers,
	};

	return harness_suite("prep", tests, COUNT(tests));
}
