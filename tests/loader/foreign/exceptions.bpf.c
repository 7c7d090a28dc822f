// bpf_throw without a handler.
// returns: probe 7
// linux: 6.7
#include "foreign.h"
extern void bpf_throw(u64 cookie) __ksym;
SEC("tc") int probe(struct __sk_buff *skb)
{
	if (skb->len > 10000)
		bpf_throw(0);
	return 7;
}
