// A timer in a map, and what it calls.
// linux: 5.15
#include "foreign.h"
struct entry { struct bpf_timer timer; u64 count; };
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, u32);
	__type(value, struct entry);
	__uint(max_entries, 4);
} timers SEC(".maps");
static int later(void *map, u32 *key, struct entry *entry)
{
	entry->count++;
	return 0;
}
SEC("tc") int probe(struct __sk_buff *skb)
{
	u32 key = 1;
	struct entry *entry = bpf_map_lookup_elem(&timers, &key);
	if (!entry)
		return 0;
	bpf_timer_init(&entry->timer, &timers, 1);
	bpf_timer_set_callback(&entry->timer, later);
	return bpf_timer_start(&entry->timer, 1000, 0);
}
