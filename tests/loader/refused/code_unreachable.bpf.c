// Code behind a loop without end.
// complaint: unreachable
#include "refused.h"
SEC("socket") int probe(void *ctx)
{
	asm volatile("1: r1 = 0; goto 1b;" ::: "r1");
	return 0;
}
