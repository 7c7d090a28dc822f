// A local array, behind its end.
// complaint: stack-range
#include "refused.h"
SEC("socket") int probe(void *ctx)
{
	u64 result;
	asm volatile("*(u64 *)(r10 - 520) = %1; %0 = 0;" : "=r"(result) : "r"(1ull) : "memory");
	return result;
}
