// Maps that XDP programs redirect by.
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__type(key, u32);
	__type(value, struct bpf_devmap_val);
	__uint(max_entries, 4);
} devices SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__type(key, u32);
	__uint(value_size, 4);
	__uint(max_entries, 4);
} device_hash SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__type(key, u32);
	__type(value, struct bpf_cpumap_val);
	__uint(max_entries, 2);
} cpus SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__type(key, u32);
	__type(value, u32);
	__uint(max_entries, 4);
} queues SEC(".maps");
SEC("xdp") int probe(struct xdp_md *ctx)
{
	switch (ctx->rx_queue_index) {
	case 0: return bpf_redirect_map(&devices, 0, XDP_PASS);
	case 1: return bpf_redirect_map(&device_hash, 1, XDP_PASS);
	case 2: return bpf_redirect_map(&cpus, 0, XDP_PASS);
	}
	return bpf_redirect_map(&queues, ctx->rx_queue_index, XDP_PASS);
}
