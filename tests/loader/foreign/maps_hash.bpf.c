// A hash whose key and value have types.
// returns: probe 99
#include "foreign.h"
struct key { u32 a; char name[16]; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct key);
	__type(value, u64);
	__uint(max_entries, 8);
} counts SEC(".maps");
SEC("socket") int probe(void *ctx)
{
	struct key k = { 7, "seven" };
	u64 *found = bpf_map_lookup_elem(&counts, &k);
	return found ? *found : 99;
}
