// A read behind the end of a map's value.
// complaint: map-value-range
#include "refused.h"
ARRAY(counts, u64, 4);
SEC("socket") int probe(void *ctx)
{
	u32 key = 1;
	u64 *count = bpf_map_lookup_elem(&counts, &key);
	return count ? count[1] : 0;
}
