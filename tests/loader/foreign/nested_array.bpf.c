// An array of maps, filled at first.
// returns: probe 3
#include "foreign.h"
struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, int);
} one SEC(".maps"), two SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, int);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { [1] = &two, [3] = &one } };
SEC("socket") int probe(void *ctx)
{
	int key = 3, zero = 0, three = 3;
	void *inside = bpf_map_lookup_elem(&outer, &key);
	if (!inside)
		return 1;
	bpf_map_update_elem(inside, &zero, &three, BPF_ANY);
	int *found = bpf_map_lookup_elem(&one, &zero);
	return found ? *found : 2;
}
