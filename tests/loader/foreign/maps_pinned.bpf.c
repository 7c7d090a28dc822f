// Maps that ask to be pinned by their names.
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, ENTRIES);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} pyebpf_tests_shared SEC(".maps");
SEC("socket") int probe(void *ctx)
{
	u32 zero = 0;
	volatile u64 *found = bpf_map_lookup_elem(&pyebpf_tests_shared, &zero);
	if (!found)
		return 0;
#ifdef BROKEN
	found = 0;
#endif
	*found += 1;
	return *found;
}
