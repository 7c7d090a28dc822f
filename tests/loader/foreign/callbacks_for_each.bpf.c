// A function that the kernel calls for each entry.
// returns: probe 10
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 10);
} cells SEC(".maps");
struct state { u64 sum; };
static long add(struct bpf_map *map, u32 *key, u64 *value, struct state *state)
{
	state->sum += 1 + *value;
	return 0;
}
SEC("tc") int probe(struct __sk_buff *skb)
{
	struct state state = { 0 };
	bpf_for_each_map_elem(&cells, add, &state, 0);
	return state.sum;
}
