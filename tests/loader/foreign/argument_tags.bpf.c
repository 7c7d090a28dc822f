// Tags of arguments of global functions.
// returns: probe 68
// linux: 6.8
#include "foreign.h"
#define TAG(word) __attribute__((btf_decl_tag("arg:" word)))
__noinline int length(void *ctx TAG("ctx"))
{
	struct __sk_buff *skb = ctx;
	return skb->len;
}
__noinline int first(u32 *value TAG("nonnull")) { return *value; }
SEC("tc") int probe(struct __sk_buff *skb)
{
	u32 four = 4;
	return length(skb) + first(&four);
}
