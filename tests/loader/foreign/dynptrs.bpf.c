// Memory whose length the kernel keeps.
// returns: probe 6
// linux: 5.19
#include "foreign.h"
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");
SEC("tc") int probe(struct __sk_buff *skb)
{
	struct bpf_dynptr memory;
	u32 value = 6, back = 0;
	bpf_ringbuf_reserve_dynptr(&ring, 16, 0, &memory);
	bpf_dynptr_write(&memory, 4, &value, sizeof(value), 0);
	bpf_dynptr_read(&back, sizeof(back), &memory, 4, 0);
	bpf_ringbuf_discard_dynptr(&memory, 0);
	return back;
}
