// Maps of which the kernel knows the sizes; an array of events has a type of what they are.
// libbpf: refuses
#include "foreign.h"
struct event {
	u64 a, b;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, u32);
	__type(value, struct event);
} events SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 2);
} others SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__type(key, u32);
	__uint(max_entries, 16);
} stacks SEC(".maps");
SEC("tp/raw_syscalls/sys_enter") int probe(void *ctx)
{
	struct event event = { 1, 2 };
	bpf_get_stackid(ctx, &stacks, 0);
	bpf_perf_event_output(ctx, &others, BPF_F_CURRENT_CPU, &event, sizeof(event));
	return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, sizeof(event));
}
