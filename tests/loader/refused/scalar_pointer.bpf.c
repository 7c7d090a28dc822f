// Memory of the kernel, read at its address.
// complaint: scalar
#include "refused.h"
SEC("kprobe/do_exit") int probe(struct { u64 registers[21]; } *ctx)
{
	int *code = (int *)ctx->registers[14];
	return *code;
}
