// A register that nothing was written to.
// complaint: unwritten
#include "refused.h"
SEC("socket") int probe(void *ctx)
{
	u64 result;
	asm volatile("%0 = r7; %0 += 1;" : "=r"(result));
	return result;
}
