// Mere addresses.
#include "foreign.h"
extern const void __per_cpu_start_nowhere __ksym __weak;
extern const void schedule __ksym;
u64 seen;
SEC("raw_tp/sys_enter") int probe(void *ctx)
{
	seen = (u64)&schedule;
	return &__per_cpu_start_nowhere ? 1 : 0;
}
