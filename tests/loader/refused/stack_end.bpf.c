// More on the stack than it has room for, by one call.
// complaint: stack-size
#include "refused.h"
static __attribute__((noinline)) u64 deeper(u64 n)
{
	volatile u64 many[40] = { n };
	return many[n & 31];
}
SEC("socket") int probe(void *ctx)
{
	volatile u64 many[40] = { 0 };
	return many[bpf_get_prandom_u32() & 31] + deeper(many[3]);
}
