// A number where a helper wants a pointer.
// complaint: argument
#include "refused.h"
ARRAY(counts, u64, 4);
SEC("socket") int probe(void *ctx)
{
	return bpf_map_lookup_elem(&counts, (void *)(long)bpf_get_prandom_u32()) != 0;
}
