// bpf_throw, and a function that says what then is returned.
// returns: probe 16
// linux: 6.7
// libbpf: differs (before its version 1.3 it doesn't know the handler)
#include "foreign.h"
extern void bpf_throw(u64 cookie) __ksym;
static __noinline int check(u32 length)
{
	if (length < 10000)
		bpf_throw(16);
	return 3;
}
__noinline int handler(u64 cookie) { return cookie; }
SEC("tc") __attribute__((btf_decl_tag("exception_callback:handler"))) int probe(struct __sk_buff *skb)
{
	return check(skb->len);
}
