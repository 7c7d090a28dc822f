// An index that is any number.
// complaint: unbounded
#include "refused.h"
struct cells { u64 of[16]; };
ARRAY(values, struct cells, 1);
SEC("socket") int probe(struct __sk_buff *skb)
{
	u32 key = 0;
	struct cells *cells = bpf_map_lookup_elem(&values, &key);
	if (!cells)
		return 0;
	return cells->of[bpf_get_prandom_u32()];
}
