// A function that is given what may be null.
// complaint: nullable
#include "refused.h"
ARRAY(counts, u64, 4);
static __attribute__((noinline)) u64 read_it(u64 *count)
{
	BARRIER;
	return *count + 1;
}
SEC("socket") int probe(void *ctx)
{
	u32 key = 1;
	u64 *count = bpf_map_lookup_elem(&counts, &key);
	return read_it(count);
}
