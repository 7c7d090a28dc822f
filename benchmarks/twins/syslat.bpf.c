// Twin of samples/syslat.py: a histogram, by powers of two, of how long system calls take.
#include "twin.h"

#define SLOTS 64

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, u32);   // thread
	__type(value, u64); // ns since boot
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, u32);
	__type(value, u64);
} latency SEC(".maps");

FAILURES(1);

// The place of the highest set bit, by halves; 0 for 0.
static __always_inline u32 highest_bit32(u32 value)
{
	u32 place = (value > 0xffff) << 4, step;

	value >>= place;
	step = (value > 0xff) << 3;
	value >>= step;
	place |= step;
	step = (value > 0xf) << 2;
	value >>= step;
	place |= step;
	step = (value > 0x3) << 1;
	value >>= step;
	place |= step;
	return place | (value >> 1);
}

static __always_inline u32 highest_bit64(u64 value)
{
	u32 upper = value >> 32;

	return upper ? highest_bit32(upper) + 32 : highest_bit32(value);
}

SEC("tracepoint/raw_syscalls/sys_enter")
int enter(struct trace_event_raw_sys_enter *ctx)
{
	u32 thread = (u32)bpf_get_current_pid_tgid();
	u64 now = bpf_ktime_get_ns();

	if (bpf_map_update_elem(&starts, &thread, &now, BPF_ANY))
		FAILED(0);
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_exit")
int leave(struct trace_event_raw_sys_exit *ctx)
{
	u32 thread = (u32)bpf_get_current_pid_tgid(), slot;
	u64 *start = bpf_map_lookup_elem(&starts, &thread), *count, duration;

	if (!start)
		return 0;
	duration = bpf_ktime_get_ns() - *start;
	slot = highest_bit64(duration);
	if (slot > SLOTS - 1)
		slot = SLOTS - 1;
	count = bpf_map_lookup_elem(&latency, &slot);
	if (count)
		__sync_fetch_and_add(count, 1);
	bpf_map_delete_elem(&starts, &thread);
	return 0;
}
