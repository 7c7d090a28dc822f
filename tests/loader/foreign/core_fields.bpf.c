// CO-RE: members that lie elsewhere, through pointers, in arrays, in unnamed unions.
#include "foreign.h"
#include <bpf/bpf_core_read.h>
struct mm_struct { u64 total_vm; } CORE;
struct task_struct___here {
	int tgid, pid;
	struct task_struct___here *real_parent;
	struct mm_struct *mm;
	char comm[16];
} CORE;
u64 sum;
SEC("raw_tp/sys_enter") int probe(void *ctx)
{
	struct task_struct___here *task = (void *)bpf_get_current_task();
	char second = BPF_CORE_READ(task, comm[1]);
	sum = BPF_CORE_READ(task, real_parent, tgid) + BPF_CORE_READ(task, mm, total_vm) + second;
	return 0;
}
