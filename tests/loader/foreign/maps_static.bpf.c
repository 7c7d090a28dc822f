// Maps that other files can't see, and two of one type.
// returns: probe 5
// libbpf: refuses (static maps)
#include "foreign.h"
struct kept {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 2);
};
static struct kept first SEC(".maps"), second SEC(".maps");
SEC("socket") int probe(void *ctx)
{
	u32 zero = 0;
	u64 *one = bpf_map_lookup_elem(&first, &zero), *two = bpf_map_lookup_elem(&second, &zero);
	if (!one || !two)
		return 0;
	*one = 2;
	*two = 3;
	return *one + *two;
}
