// A loop that never ends, if it is entered.
// complaint: endless
#include "refused.h"
SEC("socket") int probe(void *ctx)
{
	u32 n = bpf_get_prandom_u32();
	asm volatile("1: if %0 != 0 goto 1b;" ::"r"(n));
	return 0;
}
