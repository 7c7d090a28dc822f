// Stack traces, whose values are as long as the depth says.
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(key_size, sizeof(u32));
	__uint(value_size, 20 * sizeof(u64));
	__uint(max_entries, 64);
} stacks SEC(".maps");
SEC("perf_event") int probe(struct bpf_perf_event_data *ctx)
{
	return bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK) > 0;
}
