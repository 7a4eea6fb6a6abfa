/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/*
 * replay RUNS FILE...: the target of a fuzzer without one: the inputs of the
 * corpus, and changes of these that are the same in each run.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_MAX_OF_INPUT 200
#define INPUTS_MAX 1000

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct input {
	uint8_t data[SIZE_MAX_OF_INPUT];
	size_t size;
} inputs[INPUTS_MAX];

static uint32_t next(void)
{
	static uint32_t state = 1;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

int main(int argc, char **argv)
{
	long runs = argc > 1 ? atol(argv[1]) : 0;
	size_t nr = 0;
	int i;

	alarm(60);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (i = 2; i < argc && nr < INPUTS_MAX; i++) {
		struct input *input = inputs + nr++;
		FILE *file = fopen(argv[i], "rb");

		if (!file)
			return 1;
		input->size = fread(input->data, 1, SIZE_MAX_OF_INPUT, file);
		fclose(file);
		LLVMFuzzerTestOneInput(input->data, input->size);
	}
	for (; runs && nr; runs--) {
		struct input input = inputs[next() % nr];
		unsigned changes = 1 + next() % 4;

		while (changes-- && input.size)
			input.data[next() % input.size] = (uint8_t)next();
		LLVMFuzzerTestOneInput(input.data, input.size);
	}
	return 0;
}
