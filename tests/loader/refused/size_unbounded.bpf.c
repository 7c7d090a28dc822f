// A length of up to two gigabytes.
// complaint: unbounded-size
#include "refused.h"
SEC("tp/raw_syscalls/sys_enter") int probe(struct { u64 common; long id; u64 args[6]; } *ctx)
{
	char text[64];
	u64 length = ctx->args[2];
	asm volatile("%0 &= 0x7fffffff" : "+r"(length));
	bpf_probe_read_user(text, length, (void *)ctx->args[1]);
	return text[0];
}
