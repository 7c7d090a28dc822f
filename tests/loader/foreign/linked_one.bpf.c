// One of two files that bpftool makes one object of: what is defined in the other is only declared here.
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 4);
} shared SEC(".maps");
extern int weigh(int n);
extern u32 offset;
const volatile u32 own = 3;
static volatile u32 hidden = 4;
__weak int either(int n)
{
	BARRIER;
	return n + 5;
}
SEC("tc") int probe(struct __sk_buff *skb)
{
	u32 one = 1;
	u64 *cell = bpf_map_lookup_elem(&shared, &one);
	if (cell)
		*cell = 8;
	return weigh(2) + offset + own + hidden + either(1);
}
