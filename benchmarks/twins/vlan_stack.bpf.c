// Twin of tests/ports/programs/vlan_stack.py: counts packets by the ids of their VLAN tags, up to four of them.
#include "twin.h"
#include <bpf/bpf_endian.h>

#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88A8
#define DEEPEST 4

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u64);
} by_vlan SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DEEPEST + 1);
	__type(key, u32);
	__type(value, u64);
} by_depth SEC(".maps");

u64 inner_protocol;
FAILURES(2);

SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = at;
	u32 depth = 0;
	u64 *cell;
	u16 proto;

	if ((void *)(eth + 1) > end) {
		FAILED(0);
		return XDP_PASS;
	}
	proto = eth->h_proto;
	at = eth + 1;
	for (int i = 0; i < DEEPEST; i++) {
		struct vlan_hdr *tag = at;
		u32 id;

		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end) {
			FAILED(1);
			return XDP_PASS;
		}
		id = bpf_ntohs(tag->h_vlan_TCI) & 0xFFF;
		cell = bpf_map_lookup_elem(&by_vlan, &id);
		if (cell)
			__sync_fetch_and_add(cell, 1);
		proto = tag->h_vlan_encapsulated_proto;
		at = tag + 1;
		depth++;
	}
	cell = bpf_map_lookup_elem(&by_depth, &depth);
	if (cell)
		__sync_fetch_and_add(cell, 1);
	inner_protocol = bpf_ntohs(proto);
	return XDP_PASS;
}
