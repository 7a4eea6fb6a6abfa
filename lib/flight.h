/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * The operations in flight, by the addresses of their iocbs: a hash table with
 * linear probing, at least twice as large as what it holds. The kernel does not
 * tell what it has in flight, but kaio_queue_cancel() must.
 *
 * An address may be in it more than once. An entry stays where it was put, and
 * its neighbours may leave gaps: a search for what is there goes on over them,
 * and a search for what is not there, which is rare, over the whole table.
 */
#ifndef FLIGHT_H
#define FLIGHT_H

#include <kaio/abi.h>

#include <stdbool.h>
#include <stddef.h>

struct flight {
	struct kaio_iocb **entries; /* NULL where there is none */
	unsigned mask;
	unsigned nr;
};

/*
 * The addresses are mostly some multiple of a structure's size apart. One
 * multiplication would put them side by side for every size whose product with
 * the constant ends near 0: 128 bytes for one, and 7 % of all.
 */
static inline unsigned flight_home(const struct flight *flight, uint64_t iocb)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t mixed = iocb * golden;

	mixed ^= mixed >> 32;
	return (unsigned)(mixed * golden >> 40) & flight->mask;
}

static inline void flight_add(struct flight *flight, struct kaio_iocb *iocb)
{
	unsigned i = flight_home(flight, (uintptr_t)iocb);

	while (flight->entries[i])
		i = (i + 1) & flight->mask;
	flight->entries[i] = iocb;
	flight->nr++;
}

static inline struct kaio_iocb **flight_find(const struct flight *flight,
					     uint64_t iocb)
{
	unsigned home = flight_home(flight, iocb);
	unsigned i = home;

	do {
		if ((uintptr_t)flight->entries[i] == iocb)
			return flight->entries + i;
		i = (i + 1) & flight->mask;
	} while (i != home);
	return NULL;
}

static inline void flight_remove(struct flight *flight, uint64_t iocb)
{
	struct kaio_iocb **entry = flight_find(flight, iocb);

	if (entry) {
		*entry = NULL;
		flight->nr--;
	}
}

#endif
