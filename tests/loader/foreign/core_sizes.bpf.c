// CO-RE: sizes of members and types, offsets, signs.
// returns: probe 25
#include "foreign.h"
#include <bpf/bpf_core_read.h>
struct task_struct { char comm[3]; int prio; unsigned int flags; } CORE;
struct list_head { int other; } CORE;
SEC("socket") int probe(void *ctx)
{
	struct task_struct *task = 0;
	return bpf_core_field_size(task->comm) + bpf_core_type_size(struct list_head) / 2 +
	       __builtin_preserve_field_info(task->prio, BPF_FIELD_SIGNED) +
	       2 * __builtin_preserve_field_info(task->flags, BPF_FIELD_SIGNED) +
	       (bpf_core_field_offset(struct task_struct, comm) ? 0 : 100);
}
