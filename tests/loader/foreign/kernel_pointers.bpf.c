// A pointer of the kernel that a map keeps.
// returns: probe 1
// linux: 6.2
#include "foreign.h"
struct task_struct { int tgid; } CORE;
struct kept { struct task_struct __attribute__((btf_type_tag("kptr"))) *task; };
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, u32);
	__type(value, struct kept);
	__uint(max_entries, 1);
} cells SEC(".maps");
extern struct task_struct *bpf_task_from_pid(int pid) __ksym;
extern void bpf_task_release(struct task_struct *task) __ksym;
SEC("syscall") int probe(void *ctx)
{
	u32 zero = 0;
	struct kept *cell = bpf_map_lookup_elem(&cells, &zero);
	struct task_struct *own = cell ? bpf_task_from_pid(bpf_get_current_pid_tgid()) : 0;
	if (!own)
		return 0;
	own = bpf_kptr_xchg(&cell->task, own);
	if (own)
		bpf_task_release(own);
	return 1;
}
