// An index that is one too large at most.
// complaint: map-value-range
#include "refused.h"
struct cells { u64 of[16]; };
ARRAY(values, struct cells, 1);
SEC("socket") int probe(struct __sk_buff *skb)
{
	u32 key = 0, at = bpf_get_prandom_u32();
	struct cells *cells = bpf_map_lookup_elem(&values, &key);
	if (!cells || at > 16)
		return 0;
	return cells->of[at];
}
