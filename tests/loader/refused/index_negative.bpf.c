// An index that may be a little below zero.
// complaint: negative
#include "refused.h"
struct cells { u8 of[16]; };
ARRAY(values, struct cells, 1);
SEC("socket") int probe(struct __sk_buff *skb)
{
	u32 key = 0;
	struct cells *cells = bpf_map_lookup_elem(&values, &key);
	if (!cells)
		return 0;
	long at = bpf_get_prandom_u32() & 7;
	asm volatile("%0 += -2" : "+r"(at));
	return cells->of[at];
}
