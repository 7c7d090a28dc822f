// bpf_loop, with a function that calls another one; the same function twice.
// returns: probe 65
// linux: 5.17
#include "foreign.h"
static __noinline u32 weigh(u32 n)
{
	BARRIER;
	return n + 1;
}
static int step(u32 index, u32 *sum)
{
	*sum += weigh(index);
	return 0;
}
SEC("tc") int probe(struct __sk_buff *skb)
{
	u32 sum = 0;
	bpf_loop(10, step, &sum, 0);
	bpf_loop(4, step, &sum, 0);
	return sum;
}
