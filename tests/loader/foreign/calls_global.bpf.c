// Functions that the verifier checks by themselves, and several programs that call them.
// returns: one 21, two 11
#include "foreign.h"
static __noinline int twice(int n)
{
	BARRIER;
	return n * 2;
}
__noinline int outer(int n)
{
	BARRIER;
	return twice(n) + 1;
}
SEC("socket") int one(void *ctx) { return outer(10); }
SEC("socket") int two(void *ctx) { return twice(4) + outer(1); }
