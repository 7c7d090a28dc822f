// A licence that is none for the helper.
// refused: GPL
#define NO_LICENSE
#include "foreign.h"
char anything[] SEC("license") = "Proprietary";
SEC("tp/raw_syscalls/sys_enter") int traced(void *ctx)
{
	return bpf_trace_printk("x\n", 3) * 0;
}
