#include "harness.h"
#include "suites.h"
Suite *suite_world_children(void)
{
	return harness_suite("world: children", NULL, 0);
}
