// Maps as they were defined before BTF.
// returns: probe 9
// libbpf: refuses (before its version 1.0 it took them)
#include "foreign.h"
struct bpf_map_def { u32 type, key_size, value_size, max_entries, map_flags; };
struct bpf_map_def SEC("maps") table = { BPF_MAP_TYPE_HASH, 4, 8, 16, BPF_F_NO_PREALLOC };
struct bpf_map_def SEC("maps") cells = { .type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 3 };
SEC("socket") int probe(void *ctx)
{
	u32 one = 1;
	u64 nine = 9;
	bpf_map_update_elem(&table, &one, &nine, BPF_ANY);
	u64 *cell = bpf_map_lookup_elem(&cells, &one), *found = bpf_map_lookup_elem(&table, &one);
	if (!cell || !found)
		return 0;
	*cell = *found;
	return *cell;
}
