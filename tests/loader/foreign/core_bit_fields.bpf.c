// CO-RE: bit fields, read directly and by probe reads.
#include "foreign.h"
#include <bpf/bpf_core_read.h>
struct task_struct { unsigned int in_execve : 1; unsigned int no_cgroup_migration : 1; } CORE;
u64 found;
SEC("raw_tp/sys_enter") int probe(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	found = BPF_CORE_READ_BITFIELD_PROBED(task, in_execve) + BPF_CORE_READ_BITFIELD_PROBED(task, no_cgroup_migration);
	return 0;
}
SEC("tp_btf/sys_enter") int direct(u64 *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	return BPF_CORE_READ_BITFIELD(task, in_execve) * 0;
}
