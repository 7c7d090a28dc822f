// Maps each in a section of its own, as some compilers put them.
// returns: probe 1
// libbpf: refuses (it never took them)
#include "foreign.h"
struct bpf_map_def { u32 type, key_size, value_size, max_entries, map_flags; };
struct bpf_map_def SEC("maps/first") first = { BPF_MAP_TYPE_ARRAY, 4, 4, 2, 0 };
struct bpf_map_def SEC("maps/second") second = { BPF_MAP_TYPE_ARRAY, 4, 8, 3, 0 };
SEC("socket") int probe(void *ctx)
{
	u32 one = 1;
	return bpf_map_lookup_elem(&first, &one) && bpf_map_lookup_elem(&second, &one);
}
