// A trie of networks.
// returns: probe 24
#include "foreign.h"
struct network { u32 length; u8 address[4]; };
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct network);
	__type(value, u32);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} networks SEC(".maps");
SEC("tc") int probe(struct __sk_buff *skb)
{
	struct network net = { 24, { 10, 1, 2, 0 } }, host = { 32, { 10, 1, 2, 9 } };
	u32 length = 24;
	bpf_map_update_elem(&networks, &net, &length, BPF_ANY);
	u32 *found = bpf_map_lookup_elem(&networks, &host);
	return found ? *found : 0;
}
