// Functions of one program, not seen from outside.
// returns: probe 14
#include "foreign.h"
static __noinline int twice(int n)
{
	BARRIER;
	return n * 2;
}
static __noinline int more(int n)
{
	BARRIER;
	return twice(n) + 2;
}
SEC("socket") int probe(void *ctx) { return more(6); }
