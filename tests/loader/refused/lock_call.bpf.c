// A helper that is called while a lock is held.
// complaint: locked-call
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
	value->count = bpf_get_prandom_u32();
	bpf_spin_unlock(&value->lock);
	return 0;
}
