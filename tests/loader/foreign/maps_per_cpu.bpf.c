// Maps that have a value for each CPU.
// returns: probe 2
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 4);
} cells SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, u64);
	__type(value, u64);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} sums SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__type(key, u64);
	__type(value, u64);
	__uint(max_entries, 16);
} recent SEC(".maps");
SEC("socket") int probe(void *ctx)
{
	u32 index = 3;
	u64 one = 1, *cell = bpf_map_lookup_elem(&cells, &index);
	bpf_map_update_elem(&sums, &one, &one, BPF_ANY);
	bpf_map_update_elem(&recent, &one, &one, BPF_ANY);
	if (cell)
		*cell = 2;
	return cell ? *cell : 0;
}
