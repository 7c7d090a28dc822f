// Keys and values of a size, without types; the same map by two programs.
// returns: put 0
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, 3);
	__uint(value_size, 5);
	__uint(max_entries, 4);
} bytes SEC(".maps");
SEC("socket") int put(void *ctx)
{
	return bpf_map_update_elem(&bytes, "ab", "cdef", BPF_ANY);
}
SEC("socket") int take(void *ctx)
{
	return bpf_map_delete_elem(&bytes, "ab");
}
