// A helper that is for programs under the GPL.
// complaint: gpl
#define NO_LICENSE
#include "refused.h"
char LICENSE[] SEC("license") = "Proprietary";
SEC("tp/raw_syscalls/sys_enter") int probe(void *ctx)
{
	bpf_printk("hello");
	return 0;
}
