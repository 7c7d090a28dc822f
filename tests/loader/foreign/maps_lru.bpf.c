// Least recently used entries go first, by CPU or for all.
// returns: probe 1
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, u32);
	__type(value, u32);
	__uint(max_entries, 32);
} shared SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, u32);
	__type(value, u32);
	__uint(max_entries, 32);
	__uint(map_flags, BPF_F_NO_COMMON_LRU);
} apart SEC(".maps");
SEC("socket") int probe(void *ctx)
{
	u32 one = 1;
	bpf_map_update_elem(&shared, &one, &one, BPF_ANY);
	bpf_map_update_elem(&apart, &one, &one, BPF_ANY);
	u32 *found = bpf_map_lookup_elem(&apart, &one);
	return found ? *found : 0;
}
