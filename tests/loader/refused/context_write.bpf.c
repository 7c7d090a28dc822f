// A field of the context that this type of program can only read.
// complaint: context
#include "refused.h"
SEC("socket") int probe(struct __sk_buff *skb)
{
	skb->len = 7;
	return 0;
}
