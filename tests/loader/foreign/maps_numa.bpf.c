// A map on a node of memory, and one that user space maps.
// returns: probe 0
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_NUMA_NODE | BPF_F_MMAPABLE);
	__uint(numa_node, 0);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 2);
} near SEC(".maps");
SEC("socket") int probe(void *ctx)
{
	u32 zero = 0;
	u64 *found = bpf_map_lookup_elem(&near, &zero);
	return found ? *found : 1;
}
