#include "harness.h"
#include "suites.h"
Suite *suite_world_signals(void)
{
	return harness_suite("world: signals", NULL, 0);
}
