// The other file, for `linked_one`.
#define NO_LICENSE
#include "foreign.h"
extern struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 4);
} shared SEC(".maps");
u32 offset = 20;
static volatile u32 hidden = 6;
__weak int either(int n)
{
	BARRIER;
	return n + 5;
}
__noinline int weigh(int n)
{
	u32 one = 1;
	u64 *cell = bpf_map_lookup_elem(&shared, &one);
	return (cell ? *cell : 0) + hidden + n + either(6);
}
SEC("tc") int other(struct __sk_buff *skb) { return either(2); }
