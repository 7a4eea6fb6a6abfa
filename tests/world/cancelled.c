#include "harness.h"
#include "suites.h"
Suite *suite_world_cancelled(void)
{
	return harness_suite("world: cancelled", NULL, 0);
}
