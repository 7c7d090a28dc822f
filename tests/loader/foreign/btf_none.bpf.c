// No BTF at all: data and functions without types.
// returns: probe 6
// flags: -g0
#include "foreign.h"
u32 three = 3;
static __noinline int twice(int n)
{
	BARRIER;
	return n * 2;
}
SEC("socket") int probe(void *ctx) { return twice(three); }
