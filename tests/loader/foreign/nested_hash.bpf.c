// A hash of maps whose inner maps are only described, by a struct without a name.
// returns: probe 1
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 5);
	__type(key, u64);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(map_flags, BPF_F_NO_PREALLOC);
		__uint(max_entries, 10);
		__type(key, u32);
		__type(value, u64);
	});
} outer SEC(".maps");
SEC("socket") int probe(void *ctx)
{
	u64 key = 1;
	return !bpf_map_lookup_elem(&outer, &key);
}
