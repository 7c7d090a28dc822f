// CO-RE: what isn't there, behind a question that keeps it out of reach.
// returns: probe 4
#include "foreign.h"
#include <bpf/bpf_core_read.h>
struct task_struct { int tgid; struct { int deep[4]; } nonsense; } CORE;
SEC("socket") int probe(void *ctx)
{
	struct task_struct *task = 0;
	if (bpf_core_field_exists(task->nonsense.deep))
		return bpf_core_field_offset(task->nonsense.deep[3]);
	return 4;
}
