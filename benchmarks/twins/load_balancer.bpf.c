// Twin of tests/ports/programs/load_balancer.py: balances UDP over back ends, by a hash of the flow.
#include "twin.h"
#include <bpf/bpf_endian.h>

#define ETH_P_IP 0x0800
#define SLOTS 251
#define GOLDEN 0x9E3779B9

struct service {
	u32 address; // network order
	u16 port;
	u16 unused;
};

struct backend {
	u32 address; // network order
	u8 mac[6];
	u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct service);
	__type(value, u32);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, u32);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, struct backend);
} backends SEC(".maps");

FAILURES(4);

static __always_inline u32 rotate(u32 x, int count)
{
	return x << count | x >> (32 - count);
}

static __always_inline u32 mix(u32 a, u32 b, u32 c)
{
	a ^= c;
	a -= rotate(c, 14);
	b ^= a;
	b -= rotate(a, 11);
	c ^= b;
	c -= rotate(b, 25);
	return a * GOLDEN + b * 31 + c;
}

static __always_inline u16 header_check(struct iphdr *ip)
{
	u16 *words = (u16 *)ip;
	u32 sum = 0;

	for (int i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return ~sum;
}

SEC("xdp")
int balance(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	struct service service = {};
	struct backend *chosen;
	u32 flow, *slot;

	if ((void *)(eth + 1) > end) {
		FAILED(0);
		return XDP_PASS;
	}
	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if ((void *)(ip + 1) > end || ip->ihl * 4 < sizeof(*ip)) {
		FAILED(1);
		return XDP_PASS;
	}
	if (ip->protocol != IPPROTO_UDP || ip->ihl != 5)
		return XDP_PASS;
	if ((void *)(udp + 1) > end) {
		FAILED(2);
		return XDP_PASS;
	}
	service.address = ip->daddr;
	service.port = bpf_ntohs(udp->dest);
	if (!bpf_map_lookup_elem(&services, &service))
		return XDP_PASS;
	flow = mix(bpf_ntohl(ip->saddr), bpf_ntohs(udp->source) << 16 | bpf_ntohs(udp->dest), bpf_ntohl(ip->daddr));
	flow %= SLOTS;
	slot = bpf_map_lookup_elem(&slots, &flow);
	chosen = slot ? bpf_map_lookup_elem(&backends, slot) : NULL;
	if (!chosen) {
		FAILED(3);
		return XDP_PASS;
	}
	__sync_fetch_and_add(&chosen->packets, 1);
	__builtin_memcpy(eth->h_source, eth->h_dest, 6);
	__builtin_memcpy(eth->h_dest, chosen->mac, 6);
	ip->daddr = chosen->address;
	ip->check = 0;
	ip->check = header_check(ip);
	udp->check = 0;
	return XDP_TX;
}
