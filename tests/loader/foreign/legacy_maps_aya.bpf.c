// Maps as Aya's macros define them: seven numbers, names that nobody chose, no types.
// returns: probe 5
// flags: -g0
// libbpf: refuses (before its version 1.0 it took them)
#include "foreign.h"
struct aya_map_def { u32 type, key_size, value_size, max_entries, map_flags, id, pinning; };
struct aya_map_def SEC("maps") COUNTS = { BPF_MAP_TYPE_HASH, 4, 4, 1024, 0, 0, 0 };
static const char MESSAGE[] __attribute__((section(".rodata.cst16"))) = "hello from aya.";
SEC("socket/probe") int probe(void *ctx)
{
	u32 key = 3, five = 5;
	bpf_map_update_elem(&COUNTS, &key, &five, BPF_ANY);
	u32 *found = bpf_map_lookup_elem(&COUNTS, &key);
	return found && *(volatile const char *)MESSAGE == 'h' ? *found : 0;
}
