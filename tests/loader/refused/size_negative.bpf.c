// A length with a bound above alone.
// complaint: negative-size
#include "refused.h"
SEC("tp/raw_syscalls/sys_enter") int probe(struct { u64 common; long id; u64 args[6]; } *ctx)
{
	char text[64];
	long length = ctx->args[2];
	if (length > 64)
		return 0;
	bpf_probe_read_user(text, length, (void *)ctx->args[1]);
	return text[0];
}
