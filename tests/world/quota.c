#include "harness.h"
#include "suites.h"
Suite *suite_world_quota(void)
{
	return harness_suite("world: quota", NULL, 0);
}
