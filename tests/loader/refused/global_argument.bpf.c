// A function of its own right, given what it can't take.
// complaint: global-arguments
#include "refused.h"
__attribute__((noinline)) int sum(u64 *a, struct __sk_buff *skb)
{
	return a ? *a + 1 : 2;
}
SEC("tc") int probe(struct __sk_buff *skb)
{
	return sum((u64 *)(long)bpf_get_prandom_u32(), skb);
}
