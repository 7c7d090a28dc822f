// Ring buffers of both directions and the perf buffer, which has as many entries as there are CPUs.
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 5000);
} events SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} orders SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(int));
	__uint(value_size, sizeof(int));
} buffers SEC(".maps");
static long take(struct bpf_dynptr *order, void *context) { return 0; }
SEC("tp/raw_syscalls/sys_enter") int probe(void *ctx)
{
	u64 *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		*event = 1;
		bpf_ringbuf_submit(event, 0);
	}
	bpf_user_ringbuf_drain(&orders, take, 0, 0);
	bpf_perf_event_output(ctx, &buffers, BPF_F_CURRENT_CPU, &(u64){ 1 }, 8);
	return 0;
}
