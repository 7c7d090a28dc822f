// A value that may not be there, without a test.
// complaint: nullable
#include "refused.h"
ARRAY(counts, u64, 4);
SEC("socket") int probe(void *ctx)
{
	u32 key = 1;
	u64 *count = bpf_map_lookup_elem(&counts, &key);
	*count += 1;
	return 0;
}
