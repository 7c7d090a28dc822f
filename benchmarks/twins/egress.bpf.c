// Twin of samples/egress.py: packets and bytes that leave a cgroup.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

enum { PACKETS, BYTES, CELLS };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CELLS);
	__type(key, u32);
	__type(value, u64);
} sent SEC(".maps");

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *packet)
{
	u32 packets = PACKETS, bytes = BYTES;
	u64 *cell = bpf_map_lookup_elem(&sent, &packets);

	if (cell)
		*cell += 1;
	cell = bpf_map_lookup_elem(&sent, &bytes);
	if (cell)
		*cell += packet->len;
	return 1; // let it go
}

char LICENSE[] SEC("license") = "GPL";
