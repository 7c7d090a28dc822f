// A number on the stack at an address that its size doesn't divide.
// complaint: misaligned
#include "refused.h"
SEC("socket") int probe(void *ctx)
{
	u64 result;
	asm volatile("r1 = 0; *(u64 *)(r10 - 8) = r1; *(u64 *)(r10 - 16) = r1; %0 = *(u64 *)(r10 - 13);" : "=r"(result)::"r1", "memory");
	return result;
}
