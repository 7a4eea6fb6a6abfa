#include "harness.h"
#include "suites.h"
Suite *suite_world_stopped(void)
{
	return harness_suite("world: stopped", NULL, 0);
}
