/* SPDX-License-Identifier: MIT OR LGPL-2.1-or-later */
/* kaio-bench: libkaio and what one would take instead, side by side. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

const struct command *const commands[] = {
	&overhead_command,     &transfer_command,
	&files_command,	       &latency_command,
	&spin_command,	       &scale_command,
	&asynchronous_command, &fill_command,
	&files_child_command,  NULL,
};

static void usage(FILE *file)
{
	size_t i;

	fprintf(file, "usage: kaio-bench COMMAND [OPTION...] [FILE...]\n\n");
	for (i = 0; commands[i]; i++)
		if (commands[i]->about)
			fprintf(file, "  %-12s %s\n", commands[i]->name,
				commands[i]->about);
	fprintf(file, "\nkaio-bench COMMAND --help explains its options and "
		      "columns.\n");
}

int main(int argc, char **argv)
{
	struct options options;
	size_t i;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
			 !strcmp(argv[1], "help"))) {
		usage(stdout);
		return 0;
	}
	for (i = 0; argc > 1 && commands[i]; i++) {
		if (strcmp(commands[i]->name, argv[1]))
			continue;
		options = options_parse(commands[i], argc - 1, argv + 1);
		commands[i]->run(&options);
		return 0;
	}
	usage(stderr);
	return 2;
}
