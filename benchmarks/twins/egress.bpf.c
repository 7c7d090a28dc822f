// Twin of samples/egress.py: bytes that leave each cgroup.
#include "twin.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); // cgroup
	__type(value, u64);
} sent SEC(".maps");

FAILURES(1);

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *packet)
{
	u64 cgroup = bpf_skb_cgroup_id(packet), length = packet->len;
	u64 *bytes = bpf_map_lookup_elem(&sent, &cgroup);

	if (bytes)
		*bytes += length;
	else if (bpf_map_update_elem(&sent, &cgroup, &length, BPF_ANY))
		FAILED(0);
	return 1; // let it go
}
