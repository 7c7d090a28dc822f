// As many sections as ELF has numbers for, and more: symbols name theirs in a table of its own.
// returns: probe 7
// libbpf: refuses (such symbols)
#include "foreign.h"
asm(".altmacro\n.macro one n\n.section .note.\\n,\"\",@progbits\n.byte 0\n.endm\n"
    ".set at, 0\n.rept 65300\none %at\n.set at, at+1\n.endr\n.text\n");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, u64);
	__uint(max_entries, 1);
} cells SEC(".maps");
u32 seven = 7;
static __noinline int pass(int n)
{
	BARRIER;
	return n;
}
SEC("socket") int probe(void *ctx)
{
	u32 zero = 0;
	return bpf_map_lookup_elem(&cells, &zero) ? pass(seven) : 0;
}
