// Twin of samples/xdp_firewall.py: drops packets from blocked IPv4 sources, and counts the rest by source.
#include "twin.h"
#include <bpf/bpf_endian.h>

#define ETH_P_IP 0x0800

struct rule {
	u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); // IPv4 source, network order
	__type(value, struct rule);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32); // IPv4 source, network order
	__type(value, u64);
} passed SEC(".maps");

u64 others;
FAILURES(3);

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = start;
	struct rule *rule;
	struct iphdr *ip;
	u64 *count;
	u32 source;

	if ((void *)(eth + 1) > end) {
		FAILED(0);
		return XDP_PASS;
	}
	if (eth->h_proto != bpf_htons(ETH_P_IP)) {
		__sync_fetch_and_add(&others, 1);
		return XDP_PASS;
	}
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end || ip->ihl * 4 < sizeof(*ip)) {
		FAILED(1);
		return XDP_PASS;
	}
	source = ip->saddr;
	rule = bpf_map_lookup_elem(&blocked, &source);
	if (rule) {
		__sync_fetch_and_add(&rule->dropped, 1);
		return XDP_DROP;
	}
	count = bpf_map_lookup_elem(&passed, &source);
	if (count) {
		__sync_fetch_and_add(count, 1);
	} else {
#ifdef BARE
		u64 first = 1;

		bpf_map_update_elem(&passed, &source, &first, BPF_NOEXIST);
#else
		static const u64 zero;

		bpf_map_update_elem(&passed, &source, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&passed, &source);
		if (count)
			__sync_fetch_and_add(count, 1);
		else
			FAILED(2);
#endif
	}
	return XDP_PASS;
}
