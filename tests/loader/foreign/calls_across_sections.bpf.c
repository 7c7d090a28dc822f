// Functions in sections of their own.
// returns: probe 9
// libbpf: refuses (functions are in .text for it)
#include "foreign.h"
__attribute__((section(".text.cold"))) static __noinline int cold(int n)
{
	BARRIER;
	return n + 2;
}
static __noinline int warm(int n)
{
	BARRIER;
	return cold(n) + 1;
}
SEC("socket") int probe(void *ctx) { return warm(6); }
