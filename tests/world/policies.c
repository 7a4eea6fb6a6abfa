#include "harness.h"
#include "suites.h"
Suite *suite_world_policies(void)
{
	return harness_suite("world: policies", NULL, 0);
}
