// Room in a ring buffer that is never sent nor given back.
// complaint: leak
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
	*event = 1;
	if (bpf_ktime_get_ns() & 1)
		return 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}
