// Twin of tests/ports/programs/token_bucket.py: limits packets per second and source.
#include "twin.h"
#include <bpf/bpf_endian.h>

#define ETH_P_IP 0x0800
#define SECOND 1000000000ull

const volatile u64 rate = 10, burst = 5;

struct tokens {
	u64 left; // in billionths
	u64 filled;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u32); // IPv4 source, network order
	__type(value, struct tokens);
} buckets SEC(".maps");

FAILURES(3);

static __always_inline u64 least(u64 a, u64 b)
{
	return a < b ? a : b;
}

SEC("xdp")
int limit(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tokens *bucket;
	u64 now, passed;
	u32 source;

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
	source = ip->saddr;
	now = bpf_ktime_get_ns();
	bucket = bpf_map_lookup_elem(&buckets, &source);
	if (!bucket) {
		struct tokens first = { (burst - 1) * SECOND, now };

		if (bpf_map_update_elem(&buckets, &source, &first, BPF_ANY))
			FAILED(2);
		return XDP_PASS;
	}
	passed = least(now - bucket->filled, SECOND * 60);
	bucket->filled = now;
	bucket->left = least(bucket->left + passed * rate, burst * SECOND);
	if (bucket->left < SECOND)
		return XDP_DROP;
	bucket->left -= SECOND;
	return XDP_PASS;
}
