// The context at an offset that the verifier doesn't know.
// complaint: context-moved
#include "refused.h"
SEC("tp/raw_syscalls/sys_enter") int probe(struct { u64 common; long id; u64 args[6]; } *ctx)
{
	return ctx->args[bpf_get_prandom_u32() & 3];
}
