// A pointer of the kernel that a map keeps.
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
	struct task_struct *init = cell ? bpf_task_from_pid(1) : 0;
	if (!init)
		return 0;
	init = bpf_kptr_xchg(&cell->task, init);
	if (init)
		bpf_task_release(init);
	return 1;
}
