// CO-RE: what a kernel has, and what it lacks.
// returns: probe 5
#include "foreign.h"
#include <bpf/bpf_core_read.h>
struct task_struct { int tgid; int nonsense; } CORE;
struct no_such_struct { int a; } CORE;
SEC("socket") int probe(void *ctx)
{
	struct task_struct *task = 0;
	return bpf_core_field_exists(task->tgid) + 2 * bpf_core_field_exists(task->nonsense) +
	       4 * bpf_core_type_exists(struct task_struct) + 8 * bpf_core_type_exists(struct no_such_struct);
}
