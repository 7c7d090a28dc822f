// Maps as iproute2 has them, and a map of them.
// returns: probe 9
// libbpf: refuses
#include "foreign.h"
struct bpf_elf_map {
	u32 type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};
struct bpf_elf_map SEC("maps") like = { BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, 7, 0, 0, -1 };
struct bpf_elf_map SEC("maps") third = { BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, 7, 0, 0, 3 };
struct bpf_elf_map SEC("maps") outer = { BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4, 0, 0, 0, 7, 0 };
SEC("socket") int probe(void *ctx)
{
	u32 three = 3, one = 1, zero = 0;
	u64 nine = 9;
	bpf_map_update_elem(&third, &zero, &nine, BPF_ANY);
	void *inner = bpf_map_lookup_elem(&outer, &three);
	if (!inner || bpf_map_lookup_elem(&outer, &one))
		return 0;
	u64 *cell = bpf_map_lookup_elem(inner, &zero);
	return cell ? *cell : 0;
}
