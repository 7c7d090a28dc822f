// kfuncs, one of them weak and there, one weak and not there, one not in this kernel's form.
// returns: probe 1
// linux: 6.2
#include "foreign.h"
struct task_struct { int tgid; } CORE;
extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;
extern int bpf_no_such_kfunc(int n) __ksym __weak;
SEC("syscall") int probe(void *ctx)
{
	struct task_struct *init = bpf_task_from_pid(1);
	if (bpf_no_such_kfunc)
		return bpf_no_such_kfunc(1);
	if (init)
		bpf_task_release(init);
	return bpf_task_release ? 1 : 2;
}
