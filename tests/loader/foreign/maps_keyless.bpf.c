// Queue, stack and Bloom filter, which have no key; map_extra.
// returns: probe 7
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__type(value, u64);
	__uint(max_entries, 4);
} queue SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(value_size, 8);
	__uint(max_entries, 4);
} stack SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__type(value, u32);
	__uint(max_entries, 100);
	__uint(map_extra, 5);
} bloom SEC(".maps");
SEC("socket") int probe(void *ctx)
{
	u64 seven = 7, found = 0;
	u32 small = 3;
	bpf_map_push_elem(&queue, &seven, 0);
	bpf_map_push_elem(&stack, &seven, 0);
	bpf_map_push_elem(&bloom, &small, 0);
	bpf_map_pop_elem(&stack, &found);
	return found;
}
