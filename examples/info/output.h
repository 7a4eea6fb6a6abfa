/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * One report in two forms: text for people, JSON for programs. A name is NULL
 * in a list.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

void output_begin(bool json);
void output_end(void);

void output_object(const char *name);
void output_object_end(void);
void output_list(const char *name);
void output_list_end(void);

void output_string(const char *name, const char *value);
void output_number(const char *name, uint64_t value);
void output_bool(const char *name, bool value);
void output_unknown(const char *name);

/* The words for the bits that are set, from bit 0. */
void output_bits(const char *name, uint32_t bits, const char *const *words,
		 unsigned nr_words);

#endif
