// A licence that counts as GPL, and the section of the kernel's version, which counts no longer.
// returns: probe 0
#define NO_LICENSE
#include "foreign.h"
char anything[] SEC("license") = "Dual BSD/GPL";
u32 kernel_version SEC("version") = 0x60000;
SEC("tp/raw_syscalls/sys_enter") int traced(void *ctx)
{
	return bpf_trace_printk("x\n", 3) * 0;
}
SEC("socket") int probe(void *ctx) { return 0; }
