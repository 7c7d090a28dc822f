// CO-RE: two forms of one struct, of which each kernel has one.
#include "foreign.h"
#include <bpf/bpf_core_read.h>
struct task_struct___old { long state; } CORE;
struct task_struct___new { unsigned int __state; } CORE;
u64 found;
SEC("raw_tp/sys_enter") int probe(void *ctx)
{
	struct task_struct___new *task = (void *)bpf_get_current_task();
	struct task_struct___old *old = (void *)task;
	if (bpf_core_field_exists(task->__state))
		found = BPF_CORE_READ(task, __state);
	else
		found = BPF_CORE_READ(old, state);
	return 0;
}
