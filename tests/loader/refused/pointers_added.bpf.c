// Arithmetic that pointers can't have.
// complaint: arithmetic
#include "refused.h"
SEC("socket") int probe(void *ctx)
{
	u64 result;
	asm volatile("%0 = %1; %0 *= 8;" : "=r"(result) : "r"(ctx));
	return result;
}
