#include "harness.h"
#include "suites.h"
Suite *suite_world_killed(void)
{
	return harness_suite("world: killed", NULL, 0);
}
