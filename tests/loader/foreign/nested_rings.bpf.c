// Ring buffers in a map: what is in it has no sizes.
// returns: probe 0
#include "foreign.h"
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} left SEC(".maps"), right SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
	__array(values, struct ring);
} rings SEC(".maps") = { .values = { &left, &right } };
SEC("socket") int probe(void *ctx)
{
	int key = 1;
	void *ring = bpf_map_lookup_elem(&rings, &key);
	return ring ? bpf_ringbuf_output(ring, "event", 6, 0) : 1;
}
