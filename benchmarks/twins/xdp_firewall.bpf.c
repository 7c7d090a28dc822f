// Twin of samples/xdp_firewall.py: counts packets and bytes by IPv4 source, and drops what goes to one TCP port.
// It blocks by port where the sample blocks by source: the parsing, the counting and the verdict weigh the same.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define ETH_P_IP 0x0800

const volatile u16 blocked_port = 8080;

struct traffic {
	u64 packets;
	u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u32); // IPv4 source, network order
	__type(value, struct traffic);
} by_source SEC(".maps");

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = start;
	struct traffic *seen;
	struct tcphdr *tcp;
	struct iphdr *ip;
	u32 length, source;

	if ((void *)(eth + 1) > end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	length = ip->ihl * 4;
	if (length < sizeof(*ip))
		return XDP_PASS;
	source = ip->saddr;
	seen = bpf_map_lookup_elem(&by_source, &source);
	if (seen) {
		__sync_fetch_and_add(&seen->packets, 1);
		__sync_fetch_and_add(&seen->bytes, end - start);
	} else {
		struct traffic first = { 1, (u64)(end - start) };

		bpf_map_update_elem(&by_source, &source, &first, BPF_ANY);
	}
	if (ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	tcp = (void *)ip + length;
	if ((void *)(tcp + 1) > end)
		return XDP_PASS;
	if (tcp->dest == bpf_htons(blocked_port))
		return XDP_DROP;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
