// A write behind the room in a ring buffer.
// complaint: memory-range
#include "refused.h"
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");
SEC("tp/raw_syscalls/sys_enter") int probe(void *ctx)
{
	u64 *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event[1] = 1;
	bpf_ringbuf_submit(event, 0);
	return 0;
}
