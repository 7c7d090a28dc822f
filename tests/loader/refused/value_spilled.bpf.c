// A value that went over the stack to where it is used.
// complaint: nullable
#include "refused.h"
ARRAY(counts, u64, 4);
SEC("socket") int probe(void *ctx)
{
	u32 key = 1;
	u64 *volatile kept = bpf_map_lookup_elem(&counts, &key);
	key = bpf_get_prandom_u32();
	u64 *count = kept;
	return *count + key;
}
