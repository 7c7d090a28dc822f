// A lock in a value.
// returns: probe 1
#include "foreign.h"
struct guarded { struct bpf_spin_lock lock; u32 count; };
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, struct guarded);
	__uint(max_entries, 1);
} cells SEC(".maps");
SEC("tc") int probe(struct __sk_buff *skb)
{
	u32 zero = 0;
	struct guarded *cell = bpf_map_lookup_elem(&cells, &zero);
	if (!cell)
		return 0;
	bpf_spin_lock(&cell->lock);
	cell->count++;
	bpf_spin_unlock(&cell->lock);
	return cell->count;
}
