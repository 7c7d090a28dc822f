// A loop of more turns than the verifier follows.
// complaint: too-much
// long: log
#include "refused.h"
SEC("socket") int probe(struct __sk_buff *skb)
{
	for (u64 i = 0; i < 1000000; i++)
		asm volatile("" ::"r"(i));
	return 0;
}
