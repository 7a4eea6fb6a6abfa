/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * replay CHANGES FILE...: the inputs in these files, and each so many times
 * with some of its bytes changed, always in the same way. For compilers without
 * libFuzzer, and for other architectures.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 200
#define BYTES_MAX 4 /* that are changed at once */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target has it where it needs it. */
#pragma weak LLVMFuzzerInitialize

static uint32_t number(void)
{
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static size_t read_input(const char *name, uint8_t *input)
{
	FILE *file = fopen(name, "r");
	size_t size;

	if (!file) {
		perror(name);
		exit(EXIT_FAILURE);
	}
	size = fread(input, 1, INPUT_MAX, file);
	fclose(file);
	return size;
}

/* A copy of its own size, so that tools see what is read behind it. */
static void run(const uint8_t *input, size_t size)
{
	uint8_t *copy = malloc(size + !size);

	if (!copy)
		abort();
	memcpy(copy, input, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_changed(const uint8_t *input, size_t size)
{
	uint8_t changed[INPUT_MAX];
	uint32_t bytes = 1 + number() % BYTES_MAX;

	memcpy(changed, input, size);
	while (size && bytes--)
		changed[number() % size] = (uint8_t)number();
	run(changed, size);
}

int main(int argc, char **argv)
{
	uint8_t input[INPUT_MAX];
	unsigned long changes = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long runs = 0;
	unsigned long n;
	int i;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (i = 2; i < argc; i++) {
		size_t size = read_input(argv[i], input);

		run(input, size);
		for (n = 0; n < changes; n++)
			run_changed(input, size);
		runs += 1 + changes;
	}
	printf("%lu runs\n", runs);
	return runs ? EXIT_SUCCESS : EXIT_FAILURE;
}
