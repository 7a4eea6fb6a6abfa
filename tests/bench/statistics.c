/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
#include "bench.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *values, unsigned nr)
{
	qsort(values, nr, sizeof(*values), ascending);
	return (values[nr / 2] + values[(nr - 1) / 2]) / 2;
}

double percentile(double *values, size_t nr, unsigned percent)
{
	qsort(values, nr, sizeof(*values), ascending);
	return values[nr * percent / 100];
}

/*
 * By rounds: what slows the machine down for a while slows both. Low and high
 * are the quartiles.
 */
struct ratio ratio(const double *values, const double *base, unsigned nr)
{
	double ratios[ROUNDS_MAX];
	struct ratio result;
	unsigned i;

	for (i = 0; i < nr; i++)
		ratios[i] = values[i] / base[i];
	result.median = median(ratios, nr);
	result.low = ratios[nr / 4];
	result.high = ratios[nr - 1 - nr / 4];
	return result;
}
