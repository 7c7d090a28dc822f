// A field that the context doesn't have.
// complaint: context
#include "refused.h"
SEC("socket") int probe(struct __sk_buff *skb)
{
	return *(u32 *)((char *)skb + 600);
}
