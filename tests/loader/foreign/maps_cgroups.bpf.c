// Maps for programs at cgroups.
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 2);
} groups SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, u64);
} shared SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, u64);
	__type(value, u64);
} apart SEC(".maps");
SEC("cgroup_skb/ingress") int probe(struct __sk_buff *skb)
{
	u64 *count = bpf_get_local_storage(&shared, 0), *mine = bpf_get_local_storage(&apart, 0);
	__sync_fetch_and_add(count, 1);
	*mine += 1;
	return 1;
}
SEC("tc") int under(struct __sk_buff *skb)
{
	return bpf_skb_under_cgroup(skb, &groups, 1) == 1 ? 2 : 0;
}
