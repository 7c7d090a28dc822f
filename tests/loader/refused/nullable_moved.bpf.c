// Arithmetic with a pointer before it was tested.
// complaint: nullable-arithmetic
// taken: 6.18, 7.3
#include "refused.h"
struct cells { u64 of[16]; };
ARRAY(values, struct cells, 1);
SEC("socket") int probe(struct __sk_buff *skb)
{
	u32 key = 0;
	struct cells *cells = bpf_map_lookup_elem(&values, &key);
	u64 *last = &cells->of[15];
	asm volatile("" : "+r"(last));
	return cells ? *last : 0;
}
