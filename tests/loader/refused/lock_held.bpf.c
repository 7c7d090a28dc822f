// A lock that is held when the program ends.
// complaint: lock
#include "refused.h"
struct guarded { struct bpf_spin_lock lock; u32 count; };
ARRAY(values, struct guarded, 1);
SEC("tc") int probe(struct __sk_buff *skb)
{
	u32 key = 0;
	struct guarded *value = bpf_map_lookup_elem(&values, &key);
	if (!value)
		return 0;
	bpf_spin_lock(&value->lock);
	value->count++;
	return 0;
}
