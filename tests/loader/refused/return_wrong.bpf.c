// A return value that isn't one of those there are.
// complaint: return
#include "refused.h"
SEC("cgroup_skb/egress") int probe(struct __sk_buff *skb)
{
	return skb->len;
}
