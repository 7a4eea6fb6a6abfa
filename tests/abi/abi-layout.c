/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* The ABI layer: its structures and constants are the kernel's. */
#include "harness.h"
#include "suites.h"

#include <kaio.h>

#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/types.h>
#include <string.h>

/* Before Linux 5.15 it was the kernel's own: this is from its source. */
#if __has_include(<linux/ioprio.h>)
#include <linux/ioprio.h>
#else
enum {
	IOPRIO_CLASS_NONE,
	IOPRIO_CLASS_RT,
	IOPRIO_CLASS_BE,
	IOPRIO_CLASS_IDLE,
};
#define IOPRIO_CLASS_SHIFT 13
#define IOPRIO_PRIO_VALUE(class, data) ((class) << IOPRIO_CLASS_SHIFT | (data))
#endif

#define SAME(a, b) _Static_assert((a) == (b), #a " is " #b)

/* The same place, size and signedness. */
#define TYPE(type, member) __typeof__(((type *)0)->member)
#define SIGNED(type) ((type)-1 < (type)1)
#define LIKE(type, member, kernel_type, kernel_member)                      \
	SAME(offsetof(type, member), offsetof(kernel_type, kernel_member)); \
	SAME(sizeof(TYPE(type, member)),                                    \
	     sizeof(TYPE(kernel_type, kernel_member)));                     \
	SAME(SIGNED(TYPE(type, member)),                                    \
	     SIGNED(TYPE(kernel_type, kernel_member)))
#define MEMBER(ours, theirs) LIKE(struct kaio_iocb, ours, struct iocb, theirs)
#define RESULT(member) LIKE(struct kaio_event, member, struct io_event, member)

SAME(sizeof(struct kaio_iocb), sizeof(struct iocb));
SAME(_Alignof(struct kaio_iocb), _Alignof(struct iocb));
MEMBER(data, aio_data);
MEMBER(key, aio_key);
MEMBER(rw_flags, aio_rw_flags);
MEMBER(lio_opcode, aio_lio_opcode);
MEMBER(reqprio, aio_reqprio);
MEMBER(fildes, aio_fildes);
MEMBER(buf, aio_buf);
MEMBER(nbytes, aio_nbytes);
MEMBER(offset, aio_offset);
MEMBER(reserved2, aio_reserved2);
MEMBER(flags, aio_flags);
MEMBER(resfd, aio_resfd);

SAME(sizeof(struct kaio_event), sizeof(struct io_event));
SAME(_Alignof(struct kaio_event), _Alignof(struct io_event));
RESULT(data);
RESULT(obj);
RESULT(res);
RESULT(res2);

SAME((int)KAIO_OP_PREAD, (int)IOCB_CMD_PREAD);
SAME((int)KAIO_OP_PWRITE, (int)IOCB_CMD_PWRITE);
SAME((int)KAIO_OP_FSYNC, (int)IOCB_CMD_FSYNC);
SAME((int)KAIO_OP_FDSYNC, (int)IOCB_CMD_FDSYNC);
SAME((int)KAIO_OP_POLL, (int)IOCB_CMD_POLL);
SAME((int)KAIO_OP_PREADV, (int)IOCB_CMD_PREADV);
SAME((int)KAIO_OP_PWRITEV, (int)IOCB_CMD_PWRITEV);
SAME((int)KAIO_IOCB_RESFD, IOCB_FLAG_RESFD);
SAME((int)KAIO_IOCB_IOPRIO, IOCB_FLAG_IOPRIO);

SAME((int)KAIO_RWF_HIPRI, RWF_HIPRI);
SAME((int)KAIO_RWF_DSYNC, RWF_DSYNC);
SAME((int)KAIO_RWF_SYNC, RWF_SYNC);
SAME((int)KAIO_RWF_NOWAIT, RWF_NOWAIT);
SAME((int)KAIO_RWF_APPEND, RWF_APPEND);

/* Values that older <linux/fs.h> lack, from the kernel's source. */
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif
SAME((int)KAIO_RWF_NOAPPEND, RWF_NOAPPEND);
SAME((int)KAIO_RWF_ATOMIC, RWF_ATOMIC);
SAME((int)KAIO_RWF_DONTCACHE, RWF_DONTCACHE);
SAME((int)KAIO_RWF_NOSIGNAL, RWF_NOSIGNAL);

SAME((int)KAIO_IOPRIO_CLASS_NONE, (int)IOPRIO_CLASS_NONE);
SAME((int)KAIO_IOPRIO_CLASS_RT, (int)IOPRIO_CLASS_RT);
SAME((int)KAIO_IOPRIO_CLASS_BE, (int)IOPRIO_CLASS_BE);
SAME((int)KAIO_IOPRIO_CLASS_IDLE, (int)IOPRIO_CLASS_IDLE);
SAME(KAIO_IOPRIO(0, 0), 0);
/* IOPRIO_PRIO_VALUE() is a function in newer headers. */
SAME(KAIO_IOPRIO(1 + 1, 3 + 4), (IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT) | 7);
SAME(KAIO_IOPRIO(KAIO_IOPRIO_CLASS_IDLE, 0),
     IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT);

/* RWF_SUPPORTED grows with the kernel: a missing bit fails here. */
START_TEST(every_rwf_flag_of_the_installed_headers_has_a_name)
{
	int ours = KAIO_RWF_HIPRI | KAIO_RWF_DSYNC | KAIO_RWF_SYNC |
		   KAIO_RWF_NOWAIT | KAIO_RWF_APPEND | KAIO_RWF_NOAPPEND |
		   KAIO_RWF_ATOMIC | KAIO_RWF_DONTCACHE | KAIO_RWF_NOSIGNAL;

	ck_assert_int_eq(RWF_SUPPORTED & ~ours, 0);
	ck_assert_int_eq(ours, 0x1ff);
}
END_TEST

START_TEST(a_kaio_iocb_reads_as_the_kernels_iocb)
{
	struct kaio_iocb ours;
	struct iocb theirs = {
		.aio_data = 0x1122334455667788,
		.aio_rw_flags = RWF_DSYNC,
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_reqprio = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4),
		.aio_fildes = 5,
		.aio_buf = (uintptr_t)&ours,
		.aio_nbytes = 6,
		.aio_offset = -7,
		.aio_flags = IOCB_FLAG_RESFD | IOCB_FLAG_IOPRIO,
		.aio_resfd = 8,
	};

	kaio_prep_pwrite(&ours, 5, &ours, 6, -7);
	kaio_iocb_set_data64(&ours, 0x1122334455667788);
	kaio_iocb_set_rw_flags(&ours, KAIO_RWF_DSYNC);
	kaio_iocb_set_ioprio(&ours, KAIO_IOPRIO(KAIO_IOPRIO_CLASS_BE, 4));
	kaio_iocb_set_eventfd(&ours, 8);
	ck_assert_mem_eq(&ours, &theirs, sizeof(ours));
}
END_TEST

Suite *suite_abi_layout(void)
{
	const TTest *tests[] = {
		every_rwf_flag_of_the_installed_headers_has_a_name,
		a_kaio_iocb_reads_as_the_kernels_iocb,
	};

	return harness_suite("abi-layout", tests, COUNT(tests));
}
