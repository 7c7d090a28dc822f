// Variables of the kernel by their types, those of one CPU too, and one that isn't there. Kernels without
// CONFIG_KALLSYMS_ALL don't find them.
// refused: know the address of runqueues
#include "foreign.h"
struct rq { int cpu; } CORE;
extern const struct rq runqueues __ksym;
extern const int bpf_prog_active __ksym;
extern const int no_such_variable __ksym __weak;
SEC("raw_tp/sys_enter") int probe(void *ctx)
{
	struct rq *rq = bpf_per_cpu_ptr(&runqueues, 0);
	int *active = bpf_this_cpu_ptr(&bpf_prog_active);
	if (&no_such_variable)
		return no_such_variable;
	return (rq ? rq->cpu : 5) + *active;
}
