// Twin of samples/syscount.py: how many system calls each program makes.
#include "twin.h"

struct name {
	char text[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, struct name);
	__type(value, u64);
} counts SEC(".maps");

FAILURES(1);

SEC("tracepoint/raw_syscalls/sys_enter")
int on_syscall(struct trace_event_raw_sys_enter *ctx)
{
	struct name name = {};
	u64 *count;
#ifdef BARE
	u64 first = 1;

	bpf_get_current_comm(name.text, sizeof(name.text));
	count = bpf_map_lookup_elem(&counts, &name);
	if (count)
		__sync_fetch_and_add(count, 1);
	else // another processor's first call at the same time is lost
		bpf_map_update_elem(&counts, &name, &first, BPF_NOEXIST);
#else
	static const u64 zero;

	bpf_get_current_comm(name.text, sizeof(name.text));
	count = bpf_map_lookup_elem(&counts, &name);
	if (!count) {
		bpf_map_update_elem(&counts, &name, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&counts, &name);
		if (!count) {
			FAILED(0);
			return 0;
		}
	}
	__sync_fetch_and_add(count, 1);
#endif
	return 0;
}
