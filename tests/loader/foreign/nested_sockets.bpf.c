// A map of maps of another kind, and one that holds one map twice.
#include "foreign.h"
struct hash {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 2);
	__type(key, int);
	__type(value, int);
} sockets SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(int));
	__array(values, struct hash);
} outer SEC(".maps") = { .values = { [0] = &sockets, [1] = &sockets } };
SEC("sk_msg") int probe(struct sk_msg_md *msg)
{
	int key = 1;
	void *inside = bpf_map_lookup_elem(&outer, &key);
	return inside ? bpf_msg_redirect_hash(msg, inside, &key, 0) : SK_PASS;
}
