// Programs one behind the other, with calls of their own and maps of all.
// returns: one 1, two 4, three 3
#include "foreign.h"
static u32 count;
static __noinline int plus(int n)
{
	BARRIER;
	return n + 2;
}
SEC("tc") int one(struct __sk_buff *skb) { return 1; }
SEC("tc") int two(struct __sk_buff *skb) { return plus(2); }
SEC("tc") int three(struct __sk_buff *skb)
{
	count++;
	return 3;
}
SEC("xdp") int other(struct xdp_md *ctx) { return XDP_PASS + plus(count) - plus(count); }
