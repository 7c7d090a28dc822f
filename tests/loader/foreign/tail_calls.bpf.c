// An array of programs, filled at first.
// returns: start 12
#include "foreign.h"
int second(struct __sk_buff *skb);
int third(struct __sk_buff *skb);
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(u32));
	__array(values, int(struct __sk_buff *));
} jumps SEC(".maps") = { .values = { [0] = (void *)&second, [2] = (void *)&third } };
SEC("tc") int start(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 0);
	return 1;
}
SEC("tc") int second(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &jumps, 2);
	return 2;
}
SEC("tc") int third(struct __sk_buff *skb) { return 12; }
