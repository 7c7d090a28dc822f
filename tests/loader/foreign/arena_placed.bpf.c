// An arena at an address that the object says.
// linux: 6.9
// libbpf: refuses (before its version 1.4 it gives arenas no place)
// clang: -mcpu=v3
#include "foreign.h"
struct {
	__uint(type, 33);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 10);
	enum { start = 1ull << 44 } map_extra; /* libbpf's __ulong */
} memory SEC(".maps");
extern void *bpf_arena_alloc_pages(void *map, void *addr, u32 count, int node, u64 flags) __ksym;
SEC("syscall") int probe(void *ctx)
{
	return bpf_arena_alloc_pages(&memory, 0, 1, -1, 0) ? 1 : 0;
}
