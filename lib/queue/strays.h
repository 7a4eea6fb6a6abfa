/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * Operations in flight that no longer stand in the queue's line, because one
 * after them completed first, by the addresses of their iocbs: a hash table
 * with linear probing, at least twice as large as what it holds. The kernel
 * does not tell what it has in flight, but kaio_queue_cancel() must.
 *
 * An address may be in it more than once. An entry stays where it was put, and
 * its neighbours may leave gaps: a search for what is there goes on over them,
 * and a search for what is not there, which is rare, over the whole table.
 */
#ifndef STRAYS_H
#define STRAYS_H

#include <kaio/abi.h>

#include <stdbool.h>
#include <stddef.h>

struct strays {
	struct kaio_iocb **entries; /* NULL where there is none */
	unsigned mask;
	unsigned nr;
};

/*
 * The addresses are mostly some multiple of a structure's size apart. One
 * multiplication would put them side by side for every size whose product with
 * the constant ends near 0: 128 bytes for one, and 7 % of all.
 */
static inline unsigned strays_home(const struct strays *strays, uint64_t iocb)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t mixed = iocb * golden;

	mixed ^= mixed >> 32;
	return (unsigned)(mixed * golden >> 40) & strays->mask;
}

static inline void strays_add(struct strays *strays, struct kaio_iocb *iocb)
{
	unsigned i = strays_home(strays, (uintptr_t)iocb);

	while (strays->entries[i])
		i = (i + 1) & strays->mask;
	strays->entries[i] = iocb;
	strays->nr++;
}

static inline struct kaio_iocb **strays_find(const struct strays *strays,
					     uint64_t iocb)
{
	unsigned home = strays_home(strays, iocb);
	unsigned i = home;

	do {
		if ((uintptr_t)strays->entries[i] == iocb)
			return strays->entries + i;
		i = (i + 1) & strays->mask;
	} while (i != home);
	return NULL;
}

static inline void strays_remove(struct strays *strays, uint64_t iocb)
{
	struct kaio_iocb **entry = strays_find(strays, iocb);

	if (entry) {
		*entry = NULL;
		strays->nr--;
	}
}

#endif
