// CO-RE: loads and stores that change their size, in functions of the program.
#include "foreign.h"
#include <bpf/bpf_core_read.h>
struct task_struct___narrow { u16 flags; int tgid; struct task_struct___narrow *group_leader; } CORE;
static __noinline int leader(struct task_struct___narrow *task)
{
	BARRIER;
	return task->group_leader->tgid;
}
SEC("tp_btf/sys_enter") int probe(u64 *ctx)
{
	struct task_struct___narrow *task = (void *)bpf_get_current_task_btf();
	return (task->tgid + leader(task)) * 0;
}
